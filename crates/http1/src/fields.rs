//! Helpers for the fields of a head, as httparse returns them.

use crate::limits::MAX_FIELDS;
use std::mem::MaybeUninit;

pub(crate) type Fields<'b> = [MaybeUninit<httparse::Header<'b>>; MAX_FIELDS];

pub(crate) fn uninit_fields<'b>() -> Fields<'b> {
    [const { MaybeUninit::uninit() }; MAX_FIELDS]
}

/// Whether a field has this name, given in lower case. The lengths are compared first, since most
/// names differ there.
#[inline(always)]
pub(crate) fn has_name(field: &httparse::Header<'_>, name: &str) -> bool {
    field.name.len() == name.len() && field.name.eq_ignore_ascii_case(name)
}

/// A number that consists of digits only and fits into `u64`. (`str::parse` would accept a sign.)
pub(crate) fn parse_number(digits: &[u8]) -> Option<u64> {
    let add = |number: u64, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}
