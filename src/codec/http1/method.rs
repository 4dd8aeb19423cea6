//! Methods that Node's parser knows.

/// `http.METHODS`, in its (alphabetical) order.
pub const METHODS: [&str; 35] = [
    "ACL",
    "BIND",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LINK",
    "LOCK",
    "M-SEARCH",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "NOTIFY",
    "OPTIONS",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "SOURCE",
    "SUBSCRIBE",
    "TRACE",
    "UNBIND",
    "UNLINK",
    "UNLOCK",
    "UNSUBSCRIBE",
];

/// The place of `method` in [`METHODS`].
pub fn method_index(method: &str) -> Option<u8> {
    match method {
        // Nearly all requests; the others are looked for.
        "GET" => Some(GET),
        "POST" => Some(POST),
        _ => METHODS.binary_search(&method).ok().map(|index| index as u8),
    }
}

const GET: u8 = 6;
const POST: u8 = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_is_found_at_its_place() {
        for (index, method) in METHODS.iter().enumerate() {
            assert_eq!(method_index(method), Some(index as u8), "{method}");
        }
        assert_eq!(method_index("get"), None);
        assert_eq!(method_index("BREW"), None);
    }
}
