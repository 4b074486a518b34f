//! The names that the server answers to. A page of another site can make its own name lead to this machine
//! (DNS rebinding); its requests then have that name.

use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::uri::Authority;

/// The names that a request may be addressed to.
pub(super) struct Hosts {
    names: BTreeSet<String>,
    /// True if it listens at every address of the machine. No name leads to an address by itself, so that
    /// addresses are harmless.
    any_address: bool,
}

impl Hosts {
    /// The names of a server that listens at `bound`, with `more`.
    pub(super) fn new(bound: IpAddr, more: &[String]) -> Self {
        let own = if bound.is_ipv6() { format!("[{bound}]") } else { bound.to_string() };
        let mut names = BTreeSet::from([own]);
        names.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        names.extend(more.iter().map(|name| name.to_ascii_lowercase()));
        Self { names, any_address: bound.is_unspecified() }
    }

    /// True if `authority`, a name with or without a port, is one of them. Its port is not compared: it may
    /// be forwarded.
    pub(super) fn admit(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host().to_ascii_lowercase();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        self.names.contains(&host) || (self.any_address && address.parse::<IpAddr>().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_at_every_address_answers_to_addresses_and_given_names() {
        let hosts = Hosts::new([0, 0, 0, 0].into(), &["Box".to_owned()]);
        for name in ["10.0.0.7:8750", "[fe80::1]:80", "box", "localhost:8750"] {
            assert!(hosts.admit(name), "{name}");
        }
        assert!(!hosts.admit("evil.example:8750"));
        let one = Hosts::new([10, 0, 0, 7].into(), &[]);
        assert!(one.admit("10.0.0.7:8750") && !one.admit("10.0.0.8:8750"));
    }
}
