//! Tests of building.

use super::*;

#[test]
fn an_error_of_the_kernel_keeps_its_number() {
    let mut message = rtnetlink::packet_core::ErrorMessage::default();
    message.code = std::num::NonZeroI32::new(-libc::EEXIST);
    let error = into_io(rtnetlink::Error::NetlinkError(message));
    assert_eq!(error.raw_os_error(), Some(libc::EEXIST));
}
