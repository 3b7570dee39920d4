//! Opens the listeners and nothing else, until the processes of the broker are here.
use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use castmq_settings::Settings;

#[derive(Debug)]
pub(crate) struct Broker(Vec<SocketAddr>, Vec<TcpListener>);

pub(crate) struct Builder(Settings);

impl Broker {
    pub(crate) fn builder() -> Builder {
        Builder(Settings::default())
    }
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.0
    }
    pub(crate) fn stop(self) {
        drop(self.1);
    }
}

impl Builder {
    pub(crate) fn settings(self, settings: Settings) -> Self {
        Self(settings)
    }
    pub(crate) fn start(self) -> anyhow::Result<Broker> {
        let (mut addresses, mut listeners) = (Vec::new(), Vec::new());
        for listener in &self.0.listener {
            let open = TcpListener::bind(listener.address)
                .with_context(|| listener.address.to_string())?;
            addresses.push(open.local_addr()?);
            listeners.push(open);
        }
        Ok(Broker(addresses, listeners))
    }
}
