//! Transports: what a listener's connections pass through, ready to be put around them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use castmq_otp::{Peer, Stream};

use crate::credentials::Credentials;
use crate::error::TransportError;
use crate::layers::Layers;
use crate::plan::{ProxyPlan, TlsPlan, TransportPlan, WebSocketPlan};
use crate::proxy::{Proxy, is_trusted};
use crate::tls::Tls;
use crate::websocket::WebSocket;

/// What the connections of a listener pass through.
#[derive(Debug)]
pub struct Transport {
    proxy: Option<ProxyPlan>,
    tls: Option<Encryption>,
    websocket: Option<Arc<WebSocketPlan>>,
}

#[derive(Debug)]
struct Encryption {
    plan: TlsPlan,
    credentials: ArcSwap<Credentials>,
}

impl Transport {
    /// Reads what the plan names.
    ///
    /// # Errors
    ///
    /// [`TransportError`] naming the file and what is wrong with it.
    pub fn new(plan: TransportPlan) -> Result<Self, TransportError> {
        let is_websocket = plan.websocket.is_some();
        let tls = plan.tls.map(|plan| {
            let credentials = Credentials::read(&plan, is_websocket)?;
            Ok::<_, TransportError>(Encryption {
                plan,
                credentials: ArcSwap::from_pointee(credentials),
            })
        });
        Ok(Self {
            proxy: plan.proxy,
            tls: tls.transpose()?,
            websocket: plan.websocket.map(Arc::new),
        })
    }

    /// Whether connections are those of the socket, with nothing in between.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.proxy.is_none() && self.tls.is_none() && self.websocket.is_none()
    }

    /// Puts around a stream what stands between it and its connection.
    #[must_use]
    pub fn wrap(&self, stream: Stream, peer: Peer) -> Stream {
        let proxy = self.proxy.as_ref().filter(|plan| is_trusted(plan, peer));
        let tls = self.tls.as_ref().map(|encryption| {
            let config = Arc::clone(&encryption.credentials.load().config);
            Box::new(Tls::new(config))
        });
        let websocket = self.websocket.as_ref().map(Arc::clone);
        if proxy.is_none() && tls.is_none() && websocket.is_none() {
            return stream;
        }
        let layers = Layers {
            proxy: proxy.map(|plan| Box::new(Proxy::new(plan))),
            tls,
            websocket: websocket.map(|plan| Box::new(WebSocket::new(plan))),
        };
        Stream::Layered(Box::new(stream), Box::new(layers))
    }

    /// Reads certificates, keys and lists again, for new connections. Tickets that were given out are not
    /// taken any more, so that who has been revoked does not come back with one.
    ///
    /// # Errors
    ///
    /// As [`Self::new`]; what was read before stays in use then.
    pub fn reload(&self) -> Result<(), TransportError> {
        if let Some(Encryption { plan, credentials }) = &self.tls {
            let fresh = Credentials::read(plan, self.websocket.is_some())?;
            credentials.store(Arc::new(fresh));
        }
        Ok(())
    }

    /// When the first of the broker's certificates expires, in seconds since the Unix epoch; `None` without
    /// encryption.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        self.tls.as_ref()?.credentials.load().expires
    }
}
