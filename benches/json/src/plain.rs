//! The same messages as structures that serde derives: no base64, no 64-bit integers, no enums to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Mixed {
    id: i32,
    display_name: String,
    created_at: String,
    ratio: f64,
    active: bool,
    level: String,
    tags: Vec<String>,
    checksum: String,
    total: String,
    labels: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Chat {
    room: String,
    author: String,
    text: String,
    sent_at: String,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Item {
    index: i32,
    name: String,
    price: f64,
    in_stock: bool,
    level: String,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct List {
    items: Vec<Item>,
    next_page: String,
}
