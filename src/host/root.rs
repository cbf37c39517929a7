//! One configuration of the filter, as the proxy sees it.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::common::Level;

use super::abi::{self, Buffer};
use super::exchange_host;
use super::service::Service;
use super::stream::Stream;

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

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _trailers: usize) {
        if let Some(service) = &self.service {
            service.call_answered(self.id, token, headers, body_size);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        self.service = None;
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

    fn on_tick(&mut self) {
        if let Some(service) = &self.service {
            service.tick(self.id, exchange_host::now());
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(id, self.service.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
