//! Turns away what does not come from the simulator's own pages or from a program on this machine.

use super::http::{Request, Response};

/// A refusal, if the request may be the work of another site's page.
///
/// A browser says in `Origin` (and `Sec-Fetch-Site`) which page it acts for, and in `Host` which name it was led here
/// by. A page that was rebound to a loopback address betrays itself by the latter. Programs send no `Origin`.
pub fn foreign(origin: &str, request: &Request) -> Option<Response> {
    let own = origin.strip_prefix("http://").unwrap_or_default();
    let port = own.rsplit_once(':').map_or("80", |(_, port)| port);
    let hosts = [own.to_owned(), format!("localhost:{port}"), format!("127.0.0.1:{port}")];
    let host_is_good = request.header("host").is_some_and(|host| hosts.iter().any(|own| own == host));
    let origin_is_good = match request.header("origin") {
        None => true,
        Some(origin) => hosts.iter().any(|own| origin == format!("http://{own}")),
    };
    let reads = matches!(request.method.as_str(), "GET" | "HEAD");
    let from_elsewhere = matches!(request.header("sec-fetch-site"), Some("cross-site" | "same-site"));
    let of_scripts = request.path.starts_with("/api/");
    let may = host_is_good && (reads || origin_is_good) && !(from_elsewhere && (of_scripts || !reads));
    (!may).then(|| Response::refusal(403, "foreign_origin", "the request comes from a page of another site"))
}

#[cfg(test)]
mod tests {
    use super::foreign;
    use crate::web::http::Request;

    fn refused(method: &str, path: &str, headers: &[(&str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Request { method: method.into(), path: path.into(), headers, ..Request::default() };
        foreign("http://127.0.0.1:9081", &request).is_some()
    }

    #[test]
    fn pages_of_other_sites_change_nothing_and_read_nothing_for_scripts() {
        let own = ("host", "127.0.0.1:9081");
        assert!(!refused("POST", "/api/users", &[own]));
        assert!(!refused("POST", "/ui/users", &[own, ("origin", "http://127.0.0.1:9081")]));
        assert!(!refused(
            "POST",
            "/ui/users",
            &[("host", "localhost:9081"), ("origin", "http://localhost:9081")]
        ));
        for origin in ["https://evil.example", "null", "http://127.0.0.1:9082", "https://127.0.0.1:9081"] {
            assert!(refused("POST", "/ui/users", &[own, ("origin", origin)]), "{origin}");
            assert!(refused("DELETE", "/api/users/ada", &[own, ("origin", origin)]), "{origin}");
        }
        assert!(refused("POST", "/ui/users", &[own, ("sec-fetch-site", "cross-site")]));
        assert!(refused("GET", "/api/users", &[own, ("sec-fetch-site", "cross-site")]));
        assert!(!refused("GET", "/tid/saml2", &[own, ("sec-fetch-site", "cross-site")]), "a sign-on");
    }

    #[test]
    fn a_name_that_was_rebound_is_turned_away() {
        assert!(refused("GET", "/", &[("host", "evil.example:9081")]));
        assert!(refused("GET", "/", &[]));
    }
}
