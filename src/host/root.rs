//! One configuration of the filter, as the proxy sees it.

use std::rc::Rc;

use crate::common::Level;

use super::abi::{self, Buffer};
use super::exchange_host;
use super::service::Service;

/// The root context. One VM may hold several, for several configurations: nothing is kept outside of them.
pub(super) struct Root {
    id: u32,
    /// `None` until a configuration was accepted; streams are refused then.
    service: Option<Rc<Service>>,
}

impl Root {
    pub(super) fn new(id: u32) -> Self {
        Self { id, service: None }
    }
}

/// Callbacks.
impl Root {
    pub(super) fn call_answered(&mut self, token: u32, headers: usize, body_size: usize) {
        if let Some(service) = &self.service {
            service.call_answered(self.id, token, headers, body_size);
        }
    }

    /// A call has failed, and this context cannot be entered.
    pub(super) fn call_lost(&mut self, token: u32) {
        if let Some(service) = &self.service {
            service.call_lost(token);
        }
    }

    pub(super) fn configure(&mut self, size: usize) -> bool {
        self.service = None;
        if let Err(error) = abi::random(&mut [0; 16]) {
            abi::log(Level::Error, &format!("the host has no random octets: {error}"));
            return false;
        }
        // The tables of the standard library take their seed from the same source, once, and trap where it fails: now,
        // while nothing depends on this VM.
        let _seeded = std::hash::RandomState::new();
        let configuration = match abi::buffer(Buffer::PluginConfiguration, size) {
            Ok(configuration) if configuration.len() == size => configuration,
            _ => {
                abi::log(Level::Error, "the host did not hand over the configuration");
                return false;
            }
        };
        match Service::new(&configuration) {
            Ok(service) => {
                service.begin(exchange_host::now());
                self.service = Some(service);
                true
            }
            Err(errors) => {
                for error in errors {
                    abi::log(Level::Error, &error);
                }
                false
            }
        }
    }

    pub(super) fn tick(&mut self) {
        if let Some(service) = &self.service {
            service.tick(self.id, exchange_host::now());
        }
    }

    /// The accepted configuration.
    pub(super) fn service(&self) -> Option<Rc<Service>> {
        self.service.clone()
    }
}
