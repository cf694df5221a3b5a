//! JSON patches of profiles (RFC 6902; TS 29.510 5.2.2.3).

use sbi_api::Problem;
use sbi_models::nrf::{NfProfile, PatchItem, PatchOperation};
use serde_json::Value;

/// Changes in one patch.
const MOST_ITEMS: usize = 64;

/// The profile after all changes, or none of them.
///
/// # Errors
/// 400 that names the change which is not possible.
pub(crate) fn patched(profile: &NfProfile, items: &[PatchItem]) -> Result<NfProfile, Problem> {
    if items.len() > MOST_ITEMS {
        return Err(Problem::incorrect("patch", format_args!("{} changes: at most {MOST_ITEMS}", items.len())));
    }
    let mut document = serde_json::to_value(profile).map_err(Problem::internal)?;
    for item in items {
        apply(&mut document, item).map_err(|why| Problem::incorrect(&item.path, why))?;
    }
    serde_json::from_value(document).map_err(|why| Problem::invalid_body(&why))
}

fn apply(document: &mut Value, item: &PatchItem) -> Result<(), &'static str> {
    let value = || item.value.clone().ok_or("the value is missing");
    match &item.op {
        PatchOperation::Add => add(document, &item.path, value()?),
        PatchOperation::Replace => {
            *document.pointer_mut(&item.path).ok_or("there is nothing to replace")? = value()?;
            Ok(())
        }
        PatchOperation::Remove => remove(document, &item.path).map(drop),
        PatchOperation::Test => match document.pointer(&item.path) == Some(&value()?) {
            true => Ok(()),
            false => Err("has another value"),
        },
        PatchOperation::Copy => {
            let from = item.from.as_deref().ok_or("'from' is missing")?;
            let copied = document.pointer(from).cloned().ok_or("there is nothing to copy")?;
            add(document, &item.path, copied)
        }
        PatchOperation::Move => {
            let from = item.from.as_deref().ok_or("'from' is missing")?;
            let moved = remove(document, from)?;
            add(document, &item.path, moved)
        }
        PatchOperation::Other(_) => Err("an operation that RFC 6902 does not know"),
    }
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), &'static str> {
    let (parent, key) = split(path)?;
    match document.pointer_mut(parent).ok_or("its parent does not exist")? {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => {
            let index = key.parse().ok().filter(|index| *index <= list.len()).ok_or("not an index of the list")?;
            list.insert(index, value);
        }
        _ => return Err("its parent is neither object nor list"),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, &'static str> {
    let (parent, key) = split(path)?;
    match document.pointer_mut(parent).ok_or("its parent does not exist")? {
        Value::Object(map) => map.remove(&key).ok_or("there is nothing to remove"),
        Value::Array(list) => {
            let index = key.parse().ok().filter(|index| *index < list.len()).ok_or("not an index of the list")?;
            Ok(list.remove(index))
        }
        _ => Err("its parent is neither object nor list"),
    }
}

/// The pointer to the parent, and the last reference token, unescaped (RFC 6901).
fn split(path: &str) -> Result<(&str, String), &'static str> {
    let (parent, key) = path.rsplit_once('/').ok_or("not a JSON pointer to a member")?;
    Ok((parent, key.replace("~1", "/").replace("~0", "~")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn applied(items: Value) -> Result<Value, &'static str> {
        let mut document = json!({"a": 1, "list": [1, 2], "x/y": {"~": 0}});
        let items: Vec<PatchItem> = serde_json::from_value(items).expect("patch items");
        items.iter().try_for_each(|item| apply(&mut document, item))?;
        Ok(document)
    }

    #[test]
    fn each_operation_does_what_rfc_6902_says() {
        let done = applied(json!([
            {"op": "test", "path": "/a", "value": 1},
            {"op": "replace", "path": "/a", "value": 2},
            {"op": "add", "path": "/list/-", "value": 3},
            {"op": "add", "path": "/list/0", "value": 0},
            {"op": "remove", "path": "/list/1"},
            {"op": "copy", "from": "/a", "path": "/b"},
            {"op": "move", "from": "/x~1y/~0", "path": "/c"},
        ]));
        assert_eq!(done, Ok(json!({"a": 2, "b": 2, "c": 0, "list": [0, 2, 3], "x/y": {}})));
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for item in [
            json!({"op": "replace", "path": "/none", "value": 1}),
            json!({"op": "remove", "path": "/none"}),
            json!({"op": "add", "path": "/list/9", "value": 1}),
            json!({"op": "add", "path": "/none/deep", "value": 1}),
            json!({"op": "add", "path": "a", "value": 1}),
            json!({"op": "add", "path": "/a/b", "value": 1}),
            json!({"op": "replace", "path": "/a"}),
            json!({"op": "test", "path": "/a", "value": 9}),
            json!({"op": "copy", "path": "/b"}),
            json!({"op": "explode", "path": "/a"}),
        ] {
            assert!(applied(json!([item])).is_err(), "{item}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "(/[a-z~/0-9-]{0,4}){0,4}", op in "add|remove|replace|test|copy|move") {
            let _ = applied(json!([{"op": op, "path": path, "from": path, "value": 1}]));
        }
    }
}
