//! Two JSON values, compared by the paths of their fields.

use es_core::serde_json::Value;

/// A text for each field that differs, with its path.
pub(crate) fn fields(actual: &Value, expected: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", Some(actual), Some(expected), &mut found);
    found
}

fn compare(path: &str, actual: Option<&Value>, expected: Option<&Value>, found: &mut Vec<String>) {
    match (actual, expected) {
        (Some(a), Some(e)) if a == e => {}
        (Some(Value::Object(a)), Some(Value::Object(e))) => {
            for (key, value) in e {
                compare(&under(path, key), a.get(key), Some(value), found);
            }
            for (key, value) in a.iter().filter(|(key, _)| !e.contains_key(*key)) {
                compare(&under(path, key), Some(value), None, found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(e))) => {
            for n in 0..a.len().max(e.len()) {
                compare(&format!("{path}[{n}]"), a.get(n), e.get(n), found);
            }
        }
        (a, e) => found.push(difference(path, &text(a), &text(e))),
    }
}

fn under(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn text(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), ToString::to_string)
}

/// One difference as text.
pub(super) fn difference(path: &str, actual: &str, expected: &str) -> String {
    if path.is_empty() {
        format!("{actual} ≠ {expected}")
    } else {
        format!("`{path}` {actual} ≠ {expected}")
    }
}

#[cfg(test)]
mod tests {
    use super::fields;
    use es_core::serde_json::json;

    #[test]
    fn every_field_that_differs_has_its_path() {
        let actual = json!({"a": {"b": [1, {"c": 2}]}, "same": true, "more": 1});
        let expected = json!({"a": {"b": [1, {"c": 3}, 4]}, "same": true, "less": null});
        assert_eq!(
            fields(&actual, &expected),
            ["`a.b[1].c` 2 ≠ 3", "`a.b[2]` absent ≠ 4", "`less` absent ≠ null", "`more` 1 ≠ absent"]
        );
    }

    #[test]
    fn values_without_fields_stand_alone() {
        assert_eq!(fields(&json!(7), &json!("7")), ["7 ≠ \"7\""]);
        assert!(fields(&json!([1]), &json!([1])).is_empty());
    }
}
