//! Tables from a JSON Schema.

use serde_json::Value;

/// A row of a constant and what it means.
pub(crate) fn constant(schema: &Value, type_: &str, name: &str) -> String {
    let variants = schema["$defs"][type_]["oneOf"].as_array().unwrap();
    let variant = variants
        .iter()
        .find(|variant| variant["const"] == name)
        .unwrap_or_else(|| panic!("{type_} has no {name}"));
    format!("| `{name}` | {} |\n", description(variant))
}

/// The methods of a request with their parameters and results.
pub(crate) fn methods(schema: &Value) -> String {
    let mut text = String::new();
    for method in schema["$defs"]["Request"]["oneOf"].as_array().unwrap() {
        let name = method["properties"]["method"]["const"].as_str().unwrap();
        let result = kind(&schema["x-results"][name]);
        text.push_str(&format!(
            "### `{name}`\n\n{}\n\nResult: {result}\n\n",
            description(method)
        ));
        let params = fields(&method["properties"]["params"]);
        if !params.is_empty() {
            text.push_str(&params);
            text.push('\n');
        }
    }
    text
}

/// All named types, by name.
pub(crate) fn types(schema: &Value) -> String {
    let mut text = String::from("\n## Types\n");
    let mut types: Vec<_> = schema["$defs"].as_object().unwrap().iter().collect();
    types.sort_by_key(|(name, _)| *name);
    for (name, type_) in types {
        text.push_str(&format!("\n### Type {name}\n\n{}\n", description(type_)));
        let body = match (name.as_str(), variants(type_)) {
            // Its variants are the methods.
            ("Request", _) => "| key | value | meaning |\n|---|---|---|\n\
                 | `id` | number | Returned in the reply. |\n\
                 | `method` | text | The method's name. |\n\
                 | `params` | object | Its parameters. |\n"
                .to_owned(),
            (_, Some(variants)) => choices(variants),
            (_, None) => fields(type_),
        };
        if !body.is_empty() {
            text.push('\n');
            text.push_str(&body);
        }
    }
    text
}

fn variants(type_: &Value) -> Option<&Vec<Value>> {
    type_["oneOf"].as_array().or(type_["anyOf"].as_array())
}

fn choices(variants: &[Value]) -> String {
    let mut text = String::from("| value | meaning |\n|---|---|\n");
    for variant in variants {
        let value = match variant["const"].as_str() {
            Some(constant) => format!("`{constant}`"),
            None => kind(variant),
        };
        text.push_str(&format!("| {value} | {} |\n", description(variant)));
    }
    text
}

/// The keys of an object.
pub(crate) fn fields(object: &Value) -> String {
    let Some(properties) = object["properties"].as_object() else {
        return String::new();
    };
    let required: Vec<&Value> = object["required"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let mut text = String::from("| key | value | meaning |\n|---|---|---|\n");
    for (name, value) in properties {
        let optional = if required.iter().any(|key| *key == name) {
            ""
        } else {
            " ?"
        };
        text.push_str(&format!(
            "| `{name}`{optional} | {} | {} |\n",
            kind(value),
            description(value)
        ));
    }
    text
}

fn description(value: &Value) -> String {
    let text = value["description"].as_str().unwrap_or_default();
    // `None` is how Rust says it.
    text.replace('\n', " ").replace("`None`", "left out")
}

/// What a value is, in words.
fn kind(value: &Value) -> String {
    if let Some(reference) = value["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return format!("[{name}](#type-{})", name.to_lowercase());
    }
    if let Some(variants) = value["anyOf"].as_array() {
        let kinds: Vec<String> = variants
            .iter()
            .filter(|variant| variant["type"] != "null")
            .map(kind)
            .collect();
        return kinds.join(" or ");
    }
    let types = value["type"].as_array().into_iter().flatten();
    let type_ = types
        .chain([&value["type"]])
        .find(|name| name.is_string() && *name != "null")
        .unwrap_or(&Value::Null);
    match type_.as_str() {
        Some("string") if value["format"] == "ipv4" => "address".to_owned(),
        Some("string") => "text".to_owned(),
        Some("integer" | "number") => "number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => format!("list of {}", kind(&value["items"])),
        Some("object") if value["additionalProperties"].is_object() => {
            format!("name to {}", kind(&value["additionalProperties"]))
        }
        Some("object") => "`{}`".to_owned(),
        _ => "any".to_owned(),
    }
}
