//! The JSON Schema of the lab file, made of the types of `file`.

use super::file;

/// The JSON Schema of the lab file.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(file::File).to_value();
    if let serde_json::Value::Object(root) = &mut schema {
        // The file as a whole is made once.
        root.values_mut().for_each(allow_loops);
        if let Some(serde_json::Value::Object(types)) = root.get_mut("$defs") {
            types.extend(loops());
        }
    }
    allow_variables(&mut schema);
    schema
}

/// What a loop is.
fn loops() -> [(String, serde_json::Value); 2] {
    let foreach = serde_json::json!({
        "description": "Names, each with the values that it takes: `1..8`, or a list.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {
            "anyOf": [
                { "type": "string", "pattern": r"\.\." },
                { "type": "array", "items": { "type": ["string", "number", "boolean"] } }
            ]
        }
    });
    let each = serde_json::json!({
        "description": "What is made once for each value; of a list, its items.",
        "type": "object",
        "properties": { "foreach": { "$ref": "#/$defs/Foreach" }, "each": true },
        "required": ["foreach", "each"],
        "additionalProperties": false
    });
    [("Foreach".to_owned(), foreach), ("Each".to_owned(), each)]
}

/// Every entry of a map or a list may be a loop.
fn allow_loops(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Array(items) => items.iter_mut().for_each(allow_loops),
        serde_json::Value::Object(object) => {
            object.values_mut().for_each(allow_loops);
            let closed =
                object.get("additionalProperties") == Some(&serde_json::Value::Bool(false));
            if let (true, Some(serde_json::Value::Object(keys))) =
                (closed, object.get_mut("properties"))
            {
                let foreach = serde_json::json!({ "$ref": "#/$defs/Foreach" });
                keys.insert("foreach".to_owned(), foreach);
            }
            for entries in ["items", "additionalProperties"] {
                if let Some(entry @ serde_json::Value::Object(_)) = object.get_mut(entries) {
                    let written = entry.take();
                    let each = serde_json::json!({ "$ref": "#/$defs/Each" });
                    *entry = serde_json::json!({ "anyOf": [written, each] });
                }
            }
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}

/// A choice of words, each with its description.
fn is_words(object: &serde_json::Map<String, serde_json::Value>) -> bool {
    let Some(serde_json::Value::Array(choices)) = object.get("oneOf") else {
        return false;
    };
    choices.iter().all(|choice| choice.get("const").is_some())
}

/// Wherever a value is wanted, `${...}` may stand for it.
fn allow_variables(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Array(items) => items.iter_mut().for_each(allow_variables),
        serde_json::Value::Object(object) => {
            let words = is_words(object);
            if !words {
                object.values_mut().for_each(allow_variables);
            }
            let kinds: Vec<&str> = match object.get("type") {
                Some(serde_json::Value::Array(kinds)) => {
                    kinds.iter().filter_map(|kind| kind.as_str()).collect()
                }
                kind => kind.and_then(|kind| kind.as_str()).into_iter().collect(),
            };
            let narrow = ["pattern", "enum", "const"];
            let narrow = narrow.iter().any(|key| object.contains_key(*key));
            let number = ["integer", "number", "boolean"];
            let number = number.iter().any(|kind| kinds.contains(kind));
            if number || words || (narrow && kinds.contains(&"string")) {
                let mut strict = std::mem::take(object);
                // Editors show the description of the outermost schema.
                if let Some(description) = strict.remove("description") {
                    object.insert("description".to_owned(), description);
                }
                let variable = serde_json::json!({ "type": "string", "pattern": r"\$\{.*\}" });
                object.insert("anyOf".to_owned(), serde_json::json!([strict, variable]));
            }
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}
