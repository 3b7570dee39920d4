#![no_main]

use castmq_access::{Secret, TokenBearer, TokenKeys, TokenSettings, TokenVerifier};
use libfuzzer_sys::fuzz_target;

// Keys are read or refused; nobody without the secret makes a token that is taken.
fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = TokenKeys::pem(text);
        let _ = TokenKeys::jwks(text);
    }
    let secret = Secret::new("that the fuzzer does not know, of 40 bytes");
    let keys = TokenKeys::secret(secret).expect("a secret");
    let settings = TokenSettings {
        requires_expiry: false,
        ..TokenSettings::default()
    };
    let bearer = TokenBearer {
        client_id: "c1",
        user_name: None,
    };
    assert!(TokenVerifier::new(keys, settings).verify(data, bearer, 0).is_err());
});
