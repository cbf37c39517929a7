//! A filter that makes one call to the host so many times in each request: what such a call costs in Envoy. Its
//! configuration is `CALL COUNT`.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MapType, MetricType};

#[derive(Clone, Default)]
struct Calls {
    what: String,
    count: u32,
    metric: u32,
}

impl Context for Calls {}

impl RootContext for Calls {
    fn on_configure(&mut self, _size: usize) -> bool {
        let given = self.get_plugin_configuration().and_then(|text| String::from_utf8(text).ok());
        let Some((what, count)) = given.as_deref().and_then(|text| text.split_once(' ')) else {
            return false;
        };
        (self.what, self.count) = (what.to_owned(), count.parse().unwrap_or(0));
        self.metric = hostcalls::define_metric(MetricType::Counter, "bench.calls").unwrap_or(0);
        let _ = hostcalls::set_shared_data("bench", Some(&[0; 64]), None);
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(self.clone()))
    }
}

impl HttpContext for Calls {
    fn on_http_request_headers(&mut self, _headers: usize, _end: bool) -> Action {
        for _ in 0..self.count {
            self.call();
        }
        Action::Continue
    }
}

impl Calls {
    fn call(&self) {
        match self.what.as_str() {
            "get_time" => ignore(hostcalls::get_current_time()),
            "get_headers" => ignore(hostcalls::get_map_bytes(MapType::HttpRequestHeaders)),
            "get_property" => ignore(hostcalls::get_property(vec!["connection", "requested_server_name"])),
            "get_source_address" => ignore(hostcalls::get_property(vec!["source", "address"])),
            "set_property" => ignore(hostcalls::set_property(vec!["bench"], Some(b"passed"))),
            "replace_header" => {
                ignore(hostcalls::set_map_value(MapType::HttpRequestHeaders, "x-user", Some("ada@n.example")))
            }
            "get_shared_data" => ignore(hostcalls::get_shared_data("bench")),
            "increment_metric" => ignore(hostcalls::increment_metric(self.metric, 1)),
            _ => {}
        }
    }
}

/// What comes of a call does not matter here.
fn ignore<T>(_: T) {}

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| Box::new(Calls::default()));
}}
