//! From a request's path and query to an operation and its parameters, and back.

use std::collections::HashMap;
use std::fmt::{Display, Write as _};

use crate::{Answer, BoxFuture, Handler, Problem, Request};

type Route = Box<dyn Fn(Request) -> BoxFuture<'static, Answer> + Send + Sync>;

/// The services that an NF offers, told apart by the first segment of the path.
#[derive(Default)]
pub struct Routes(HashMap<&'static str, Route>);

impl Routes {
    /// Adds a service; `root` is `/{apiName}/{apiVersion}`.
    #[must_use]
    pub fn with(
        mut self,
        root: &'static str,
        route: impl Fn(Request) -> BoxFuture<'static, Answer> + Send + Sync + 'static,
    ) -> Self {
        self.0.insert(service_of(root), Box::new(route));
        self
    }

    /// All services of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

impl Handler for Routes {
    fn handle(&self, request: Request) -> BoxFuture<'static, Answer> {
        match self.0.get(service_of(request.uri().path())) {
            Some(route) => route(request),
            None => {
                let problem = Problem::no_such_resource(request.uri().path());
                Box::pin(std::future::ready(problem.into()))
            }
        }
    }
}

fn service_of(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// Compares a path with `root` + `template` (as `/{supi}/am-data`); the parameters in order, still percent-encoded.
pub fn match_path<'p, const N: usize>(root: &str, template: &str, path: &'p str) -> Option<[&'p str; N]> {
    let (mut given, mut template) = (Some(path.strip_prefix(root)?), Some(template));
    let mut parameters = [""; N];
    let mut next = parameters.iter_mut();
    while let Some(wanted) = next_segment(&mut template) {
        let segment = next_segment(&mut given)?;
        if wanted.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            *next.next()? = segment;
        } else if wanted != segment {
            return None;
        }
    }
    given.is_none().then_some(parameters)
}

/// Takes what stands before the next `/`, or all that is left. By octets: for so short a text a search by the library takes longer
/// to begin than to do, and each request is compared with all templates of its service.
fn next_segment<'t>(rest: &mut Option<&'t str>) -> Option<&'t str> {
    let text = rest.take()?;
    match text.bytes().position(|octet| octet == b'/') {
        Some(slash) => {
            *rest = text.get(slash + 1..);
            text.get(..slash)
        }
        None => Some(text),
    }
}

/// Puts parameters into `root` + `template`, percent-encoded.
pub fn fill_path(root: &str, template: &str, parameters: &[&dyn Display]) -> String {
    let mut path = String::with_capacity(root.len() + template.len() + 32);
    path.push_str(root);
    let mut parameters = parameters.iter();
    for segment in template.split('/').skip(1) {
        path.push('/');
        match segment.starts_with('{').then(|| parameters.next()).flatten() {
            Some(value) => encode_into(&mut path, &value.to_string()),
            None => path.push_str(segment),
        }
    }
    path
}

/// Percent-encodes all but the unreserved characters (RFC 3986 2.3) and what a path segment or query value may hold raw.
fn encode_into(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' | b',' => {
                out.push(char::from(byte))
            }
            other => {
                let _ = write!(out, "%{other:02X}"); // writing to a String cannot fail
            }
        }
    }
}

/// Undoes percent-encoding; `None` for a truncated escape, or octets that are not UTF-8 or are controls (ROBUSTNESS: NUL in a SUPI).
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

/// Reads a path parameter.
///
/// # Errors
/// 400 that names the parameter.
pub(crate) fn parameter<T: std::str::FromStr<Err: Display>>(name: &str, raw: &str) -> Result<T, Problem> {
    let text = decode(raw).ok_or_else(|| Problem::incorrect(name, "not percent-encoded text"))?;
    text.parse().map_err(|why| Problem::incorrect(name, why))
}

/// Writes the query of a request: objects as JSON (TS 29.501 5.2.4.1: `content` parameters), the rest as plain text.
pub fn write_query(path: &mut String, query: &impl serde::Serialize) {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(query) else { return };
    let mut separator = '?';
    for (name, value) in fields {
        let text = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        path.push(separator);
        path.push_str(&name);
        path.push('=');
        encode_into(path, &text);
        separator = '&';
    }
}

/// Reads a query written as by [`write_query`].
///
/// # Errors
/// 400 that says which parameter is wrong.
pub fn read_query<T: serde::de::DeserializeOwned>(query: Option<&str>) -> Result<T, Problem> {
    let mut fields = serde_json::Map::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, raw) = pair.split_once('=').unwrap_or((pair, ""));
        let text =
            decode(&raw.replace('+', " ")).ok_or_else(|| Problem::incorrect(name, "not percent-encoded text"))?;
        fields.insert(name.to_owned(), query_value(text));
    }
    serde_json::from_value(serde_json::Value::Object(fields)).map_err(|why| Problem::incorrect("query", why))
}

/// Objects, arrays, booleans are JSON; all else (numbers too: a SUPI's digits must stay text) is a string.
fn query_value(text: String) -> serde_json::Value {
    match text.as_bytes().first() {
        Some(b'{' | b'[') => serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)),
        _ if text == "true" || text == "false" => serde_json::Value::Bool(text == "true"),
        _ => serde_json::Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_its_template_only() {
        let root = "/nudm-sdm/v2";
        assert_eq!(match_path(root, "/{supi}/am-data", "/nudm-sdm/v2/imsi-1/am-data"), Some(["imsi-1"]));
        assert_eq!(match_path::<1>(root, "/{supi}/am-data", "/nudm-sdm/v2/imsi-1/am-data/x"), None);
        assert_eq!(match_path::<1>(root, "/{supi}/am-data", "/nudm-sdm/v2//am-data"), None);
        assert_eq!(match_path::<1>(root, "/{supi}/am-data", "/nudm-sdm/v1/imsi-1/am-data"), None);
        assert_eq!(match_path::<0>(root, "/x", "/nudm-sdm/v2/x"), Some([]));
    }

    #[test]
    fn parameters_survive_the_way_there_and_back() {
        for text in ["imsi-999700000000001", "a b/c?d=e&f", "ü%", "suci-0-999-70-0000-1-1-aB:@"] {
            let path = fill_path("/r/v1", "/{id}/x", &[&text]);
            let [raw] = match_path("/r/v1", "/{id}/x", &path).expect("the filled template matches");
            assert_eq!(decode(raw).as_deref(), Some(text));
        }
    }

    #[test]
    fn controls_and_cut_escapes_are_refused() {
        for raw in ["%00", "a%0Ab", "%", "%4", "%zz", "%ff"] {
            assert_eq!(decode(raw), None, "{raw}");
        }
    }

    #[test]
    fn query_keeps_objects_and_digits() {
        #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
        struct Slice {
            sst: u8,
        }
        #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
        struct Query {
            dnn: String,
            #[serde(rename = "single-nssai")]
            slice: Slice,
            digits: String,
            absent: Option<String>,
            flag: bool,
        }
        let query =
            Query { dnn: "a&b".into(), slice: Slice { sst: 1 }, digits: "0123".into(), absent: None, flag: true };
        let mut path = String::from("/p");
        write_query(&mut path, &query);
        let read: Query = read_query(path.split_once('?').map(|(_, q)| q)).expect("reads back");
        assert_eq!(read, query);
    }
}
