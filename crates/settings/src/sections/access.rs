//! Who may connect, and who may publish and subscribe what.

use std::path::PathBuf;
use std::time::Duration;

use crate::Kind;
use crate::declare::{choice, section};

const PATH_MAX: u64 = 4096;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The modules that know who may connect.
pub const AUTH_MODULES: &[&str] = &[
    "client_certificate",
    "password_file",
    "users",
    "clientid",
    "jwt",
    "http",
    "anonymous",
];

section! {
    /// Users with their passwords, in a file of `castmq passwd` or of mosquitto.
    AuthPasswordFile {
        /// The file.
        path: PathBuf = PathBuf::from("passwd"), Kind::Text { most: PATH_MAX };
    }
}

section! {
    /// A client that is known by its identifier.
    KnownClient {
        /// The client identifier.
        client: String = "client".to_owned(), Kind::Text { most: 65_535 };
        /// From where it may connect, as `10.0.0.0/8`. Empty: from everywhere.
        addresses: Vec<String> = Vec::new(), Kind::Networks;
    }
}

section! {
    /// Clients that are known by their identifiers and addresses.
    AuthClientid {
        /// Which.
        clients: Vec<KnownClient> = Vec::new(), Kind::list::<KnownClient>();
    }
}

choice! {
    /// What of CONNECT is the token.
    TokenFrom {
        /// The password.
        Password = "password",
        /// The user name.
        UserName = "user_name",
    }
}

section! {
    /// Tokens: JWT in CONNECT.
    AuthJwt {
        /// What of CONNECT is the token.
        from: TokenFrom = TokenFrom::Password, TokenFrom::kind();
        /// A file with the secret of HS256, HS384 and HS512.
        secret_file: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// A file with a public key in PEM, for RS, PS, ES and EdDSA.
        public_key_file: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// A file with a set of keys (JWKS).
        jwks_file: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// A page with a set of keys (JWKS), and how often it is read.
        jwks_url: Option<String> = None, Kind::OptionalText { most: 4096 };
        /// How often that page is read.
        jwks_refresh: Duration = Duration::from_secs(300),
            Kind::Duration { least: Duration::from_secs(1), most: DAY };
        /// What `aud` has to name. Empty: anything.
        audience: Option<String> = None, Kind::OptionalText { most: 1024 };
        /// What `iss` has to be. Empty: anything.
        issuer: Option<String> = None, Kind::OptionalText { most: 1024 };
        /// How far the clocks of issuer and broker may be apart.
        leeway: Duration = Duration::from_secs(5), Kind::up_to(DAY);
        /// Tokens have to say when they end.
        require_expiry: bool = true, Kind::Flag;
        /// A client is disconnected when its token ends.
        disconnect_at_expiry: bool = true, Kind::Flag;
        /// The claim that has to be the client identifier. Empty: none.
        client_claim: Option<String> = None, Kind::OptionalText { most: 255 };
        /// The claim that is the user name, whatever CONNECT says. Empty: clients have none.
        user_claim: Option<String> = Some("sub".to_owned()), Kind::OptionalText { most: 255 };
        /// The claim that holds rights: `{"pub": […], "sub": […], "all": […]}`. Empty: none.
        acl_claim: Option<String> = Some("acl".to_owned()), Kind::OptionalText { most: 255 };
        /// The claim that makes a superuser when it is true. Empty: none.
        superuser_claim: Option<String> = None, Kind::OptionalText { most: 255 };
    }
}

choice! {
    /// What a request that fails means for the client.
    OnFailure {
        /// It is told that the server is not available.
        Deny = "deny",
        /// The next module decides.
        Ignore = "ignore",
    }
}

choice! {
    /// How the service is asked.
    HttpMethod {
        /// GET, with the fields in the address.
        Get = "get",
        /// POST, with the fields as a form.
        PostForm = "post_form",
        /// POST, with the fields as JSON.
        PostJson = "post_json",
    }
}

section! {
    /// A service that is asked about each client.
    AuthHttp {
        /// Its address; `%c` is the client identifier, `%u` the user name, `%a` the client's address.
        url: Option<String> = None, Kind::OptionalText { most: 4096 };
        /// How it is asked.
        method: HttpMethod = HttpMethod::PostJson, HttpMethod::kind();
        /// The fields that it gets, as `name=value`, in which `%P` is the password too.
        fields: Vec<String> = ["clientid=%c", "username=%u", "password=%P", "ipaddress=%a"]
            .map(str::to_owned).to_vec(), Kind::Texts { most: 1024 };
        /// Further headers, as `name: value`.
        headers: Vec<String> = Vec::new(), Kind::Texts { most: 4096 };
        /// How long an answer may take.
        timeout: Duration = Duration::from_secs(5),
            Kind::Duration { least: Duration::from_millis(10), most: Duration::from_secs(60) };
        /// Requests at a time.
        connections: u16 = 8, Kind::whole(1, 256);
        /// Clients that may wait for their turn; further ones hear *busy*.
        waiting: u32 = 1024, Kind::whole(1, 1_000_000);
        /// How long a good answer is good for the same client with the same password. 0: not at all.
        cache: Duration = Duration::ZERO, Kind::up_to(DAY);
        /// What a request that fails means.
        on_failure: OnFailure = OnFailure::Deny, OnFailure::kind();
    }
}

section! {
    /// Who may connect.
    Auth {
        /// The modules that are asked, in their order: the first that knows the client decides. Empty:
        /// everybody may who reaches a listener.
        chain: Vec<String> = Vec::new(), Kind::Words(AUTH_MODULES);
        /// Threads that check passwords, which takes milliseconds of a processor each.
        hashing_threads: u16 = 1, Kind::whole(1, 256);
        /// Clients whose password may wait for a check; further ones hear *busy*.
        hashing_waiting: u32 = 512, Kind::whole(1, 1_000_000);
        /// 5.0 clients may prove by SCRAM-SHA-256 that they know their password without sending it.
        scram: bool = false, Kind::Flag;
        /// The service and the page with keys may be asked over `http://` on other machines too.
        allow_plain_http: bool = false, Kind::Flag;
        /// Users with their passwords.
        password_file: AuthPasswordFile = AuthPasswordFile::default(),
            Kind::group::<AuthPasswordFile>();
        /// Clients known by their identifiers.
        clientid: AuthClientid = AuthClientid::default(), Kind::group::<AuthClientid>();
        /// Tokens.
        jwt: AuthJwt = AuthJwt::default(), Kind::group::<AuthJwt>();
        /// A service.
        http: AuthHttp = AuthHttp::default(), Kind::group::<AuthHttp>();
    }
}

section! {
    /// Who may publish and subscribe what. Without a file: everybody everything.
    Acl {
        /// A file with rules.
        file: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// A file with rules of mosquitto, asked before the other one.
        mosquitto_file: Option<PathBuf> = None, Kind::OptionalText { most: PATH_MAX };
        /// Messages are checked when they are delivered too, so that a right that ends keeps them from
        /// subscriptions that were made before. With rules of mosquitto they always are.
        check_delivery: bool = true, Kind::Flag;
        /// Decisions that one connection remembers.
        cache: u16 = 32, Kind::whole(0, 65_535);
    }
}
