//! Which addresses may be dialled: pure judgement over one address at a time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::server::config::EgressPolicy;

/// What kind of network a refused address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Barred {
    /// 0.0.0.0/8 and `::`, which mean this machine to some systems.
    #[error("an unspecified address")]
    Unspecified,
    /// 169.254.0.0/16 and `fe80::/10`.
    #[error("a link-local address")]
    LinkLocal,
    /// Where clouds answer with the credentials of the machine.
    #[error("a cloud's metadata address")]
    Metadata,
    /// Multicast and broadcast.
    #[error("a multicast or broadcast address")]
    Multicast,
    /// Set aside by the IETF and not for hosts.
    #[error("a reserved address")]
    Reserved,
    /// This machine (only where the policy is public-only).
    #[error("an address of this machine")]
    Loopback,
    /// Private networks (only where the policy is public-only).
    #[error("a private address")]
    Private,
}

/// Whether `address` may be dialled under `policy`.
///
/// Addresses that carry an IPv4 address inside (mapped, compatible, NAT64, 6to4, ISATAP) are judged by that
/// one too, because a translator on the way would take them there.
///
/// # Errors
///
/// [`Barred`], the network that stands against it.
pub fn judge(address: IpAddr, policy: EgressPolicy) -> Result<(), Barred> {
    let barred = match address.to_canonical() {
        IpAddr::V4(address) => judge_v4(address),
        IpAddr::V6(address) => judge_v6(address),
    };
    match barred {
        None => Ok(()),
        Some((_, Scope::Local)) if policy == EgressPolicy::SelfHosted => Ok(()),
        Some((reason, _)) => Err(reason),
    }
}

/// Whether `address` belongs to this machine or a private network, where TLS may default to `prefer`.
#[must_use]
pub fn is_local(address: IpAddr) -> bool {
    let barred = match address.to_canonical() {
        IpAddr::V4(address) => judge_v4(address),
        IpAddr::V6(address) => judge_v6(address),
    };
    matches!(barred, Some((Barred::Loopback | Barred::Private, Scope::Local)))
}

/// Names by which clouds reach their metadata service; refused before anything is resolved.
#[must_use]
pub fn is_metadata_name(name: &str) -> bool {
    matches!(
        name,
        "metadata" | "instance-data" | "metadata.google.internal" | "metadata.goog" | "instance-data.ec2.internal"
    )
}

/// When a range is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Under every policy.
    Always,
    /// Under public-only.
    Local,
}

/// Ranges after the IANA special-purpose registry.
fn judge_v4(address: Ipv4Addr) -> Option<(Barred, Scope)> {
    use Scope::{Always, Local};

    // Alibaba's lies inside the shared range, Azure's among public ones, Oracle's inside 192.0.0.0/24.
    if matches!(
        address.octets(),
        [169, 254, 169 | 170, 254 | 253 | 2] | [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192]
    ) {
        return Some((Barred::Metadata, Always));
    }
    Some(match address.octets() {
        [0, ..] => (Barred::Unspecified, Always),
        [169, 254, ..] => (Barred::LinkLocal, Always),
        [224..=239, ..] | [255, 255, 255, 255] => (Barred::Multicast, Always),
        [240..=255, ..] | [192, 0, 0, _] => (Barred::Reserved, Always),
        [127, ..] => (Barred::Loopback, Local),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => (Barred::Private, Local),
        // Documentation, benchmarking, the old 6to4 relays: harmless, but nowhere on the internet.
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18..=19, ..] | [192, 88, 99, _] => {
            (Barred::Reserved, Local)
        }
        _ => return None,
    })
}

fn judge_v6(address: Ipv6Addr) -> Option<(Barred, Scope)> {
    use Scope::{Always, Local};

    let segments = address.segments();
    if address.is_unspecified() {
        return Some((Barred::Unspecified, Always));
    }
    if address.is_loopback() {
        return Some((Barred::Loopback, Local));
    }
    // Amazon's two (the machine's and a pod's), Google's, Oracle's and Scaleway's lie among the private ones.
    if matches!(
        segments,
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254 | 0x23]
            | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
            | [0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]
            | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42]
    ) {
        return Some((Barred::Metadata, Always));
    }
    let own = match segments {
        [0xfe80..=0xfebf, ..] => Some((Barred::LinkLocal, Always)),
        [0xff00..=0xffff, ..] => Some((Barred::Multicast, Always)),
        // Discard-only, and Teredo, whose packets leave for an IPv4 address that the peer chose.
        [0x100, 0, 0, 0, ..] | [0x2001, 0, ..] => Some((Barred::Reserved, Always)),
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => Some((Barred::Private, Local)),
        [0x2001, 1..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some((Barred::Reserved, Local)),
        // NAT64 and the translated forms lie outside 2000::/3 and stand for the address inside.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0 | 0xffff, 0 | 0xffff, ..] | [0x2000..=0x3fff, ..] => None,
        _ => Some((Barred::Reserved, Local)),
    };
    let inside = embedded(segments).and_then(judge_v4);
    // The stricter of the two holds.
    match (own, inside) {
        (_, Some((reason, Always))) => Some((reason, Always)),
        (Some(own), _) => Some(own),
        (None, inside) => inside,
    }
}

/// The IPv4 address that an IPv6 address carries, where it carries one.
fn embedded(segments: [u16; 8]) -> Option<Ipv4Addr> {
    match segments {
        // Compatible, mapped, translated (RFC 2765), NAT64 (RFC 6052, RFC 8215), ISATAP (RFC 5214), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low]
        | [0x2002, high, low, ..] => Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(address: &str, policy: EgressPolicy) -> Result<(), Barred> {
        judge(address.parse().expect("an address"), policy)
    }

    #[test]
    fn never_reached_under_any_policy() {
        for (address, reason) in [
            ("169.254.169.254", Barred::Metadata),
            ("169.254.170.2", Barred::Metadata),
            ("100.100.100.200", Barred::Metadata),
            ("168.63.129.16", Barred::Metadata),
            ("192.0.0.192", Barred::Metadata),
            ("fd00:ec2::254", Barred::Metadata),
            ("fd00:ec2::23", Barred::Metadata),
            ("fd20:ce::254", Barred::Metadata),
            ("fd00:c1::a9fe:a9fe", Barred::Metadata),
            ("fd00:42::42", Barred::Metadata),
            ("169.254.170.23", Barred::LinkLocal),
            ("169.254.0.23", Barred::LinkLocal),
            ("fe80::a9fe:a9fe", Barred::LinkLocal),
            ("169.254.1.1", Barred::LinkLocal),
            ("fe80::1", Barred::LinkLocal),
            ("febf::1", Barred::LinkLocal),
            ("0.0.0.0", Barred::Unspecified),
            ("0.1.2.3", Barred::Unspecified),
            ("::", Barred::Unspecified),
            ("224.0.0.1", Barred::Multicast),
            ("255.255.255.255", Barred::Multicast),
            ("ff02::1", Barred::Multicast),
            ("240.0.0.1", Barred::Reserved),
            ("192.0.0.8", Barred::Reserved),
            ("100::1", Barred::Reserved),
            ("2001:0:1:2::3", Barred::Reserved),
            ("::ffff:169.254.169.254", Barred::Metadata),
            ("::169.254.169.254", Barred::Metadata),
            ("::ffff:0:169.254.169.254", Barred::Metadata),
            ("64:ff9b::169.254.169.254", Barred::Metadata),
            ("64:ff9b:1::169.254.169.254", Barred::Metadata),
            ("2002:a9fe:a9fe::1", Barred::Metadata),
            ("2001:db8::5efe:169.254.169.254", Barred::Metadata),
            ("64:ff9b::", Barred::Unspecified),
            ("::ffff:0.0.0.0", Barred::Unspecified),
            ("2002:e000:1::", Barred::Multicast),
        ] {
            for policy in [EgressPolicy::SelfHosted, EgressPolicy::PublicOnly] {
                assert_eq!(verdict(address, policy), Err(reason), "{address} under {policy:?}");
            }
        }
    }

    #[test]
    fn local_networks_are_for_the_self_hosted() {
        for (address, reason) in [
            ("127.0.0.1", Barred::Loopback),
            ("127.255.0.1", Barred::Loopback),
            ("::1", Barred::Loopback),
            ("::ffff:127.0.0.1", Barred::Loopback),
            ("64:ff9b::127.0.0.1", Barred::Loopback),
            ("2002:7f00:1::", Barred::Loopback),
            ("10.0.0.1", Barred::Private),
            ("172.16.0.1", Barred::Private),
            ("172.31.255.255", Barred::Private),
            ("192.168.1.1", Barred::Private),
            ("100.64.0.1", Barred::Private),
            ("100.127.255.255", Barred::Private),
            ("fc00::1", Barred::Private),
            ("fd12:3456::1", Barred::Private),
            ("fec0::1", Barred::Private),
            ("64:ff9b::10.0.0.1", Barred::Private),
            ("2002:0a00:0001::", Barred::Private),
            ("192.0.2.1", Barred::Reserved),
            ("198.18.0.1", Barred::Reserved),
            ("203.0.113.7", Barred::Reserved),
            ("2001:db8::1", Barred::Reserved),
            ("4000::1", Barred::Reserved),
        ] {
            assert_eq!(verdict(address, EgressPolicy::PublicOnly), Err(reason), "{address}");
            assert_eq!(verdict(address, EgressPolicy::SelfHosted), Ok(()), "{address}");
        }
    }

    #[test]
    fn the_internet_is_for_all() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::1.1.1.1",
            "2002:0101:0101::1",
        ] {
            assert_eq!(verdict(address, EgressPolicy::PublicOnly), Ok(()), "{address}");
        }
    }

    #[test]
    fn local_means_this_machine_or_a_private_network() {
        for (address, local) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("10.1.2.3", true),
            ("fd00::1", true),
            ("::ffff:192.168.0.1", true),
            ("203.0.113.1", false),
            ("8.8.8.8", false),
            ("169.254.1.1", false),
        ] {
            assert_eq!(is_local(address.parse().expect("an address")), local, "{address}");
        }
    }

    proptest! {
        #[test]
        fn public_only_never_allows_more(bits: u128, v4: u32) {
            for address in [IpAddr::V6(Ipv6Addr::from(bits)), IpAddr::V4(Ipv4Addr::from(v4))] {
                if judge(address, EgressPolicy::SelfHosted).is_err() {
                    prop_assert!(judge(address, EgressPolicy::PublicOnly).is_err());
                }
            }
        }

        #[test]
        fn an_address_inside_another_is_never_a_way_round(v4: u32, low: u64) {
            let bits = u128::from(v4);
            for policy in [EgressPolicy::SelfHosted, EgressPolicy::PublicOnly] {
                if judge(IpAddr::V4(Ipv4Addr::from(v4)), policy).is_err() {
                    for wrapped in [
                        0xffff_u128 << 32 | bits,
                        0xffff_u128 << 48 | bits,
                        0x0064_ff9b_u128 << 96 | bits,
                        0x2002_u128 << 112 | bits << 80 | u128::from(low),
                    ] {
                        prop_assert!(judge(IpAddr::V6(Ipv6Addr::from(wrapped)), policy).is_err());
                    }
                }
            }
        }
    }
}
