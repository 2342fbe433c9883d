//! `mcrctl interfaces`

use std::io::Write;

use mcr_api::Method;
use mcr_api::client::Client;
use mcr_api::state::Interface;

use crate::error::Error;
use crate::render::Output;
use crate::render::table::{Column, Sheet};

pub(crate) fn run(client: &mut Client, out: &mut Output<impl Write>) -> Result<(), Error> {
    let interfaces: Vec<Interface> = client.call(Method::Interfaces {})?;
    out.show(&interfaces, |interfaces| render(interfaces))?;
    Ok(())
}

fn render(interfaces: &[Interface]) -> String {
    let mut sheet = Sheet::new(&[
        ("INTERFACE", Column::Word),
        ("INDEX", Column::Number),
        ("STATE", Column::Word),
        ("MTU", Column::Number),
        ("INPUTS", Column::Number),
        ("OUTPUTS", Column::Number),
        ("GROUPS", Column::Number),
        ("ADDRESSES", Column::Text),
    ]);
    for interface in interfaces {
        let number = |number: Option<u32>| number.map_or("-".to_owned(), |n| n.to_string());
        let state = match (interface.index, interface.up) {
            (None, _) => "missing",
            (Some(_), true) => "up",
            (Some(_), false) => "down",
        };
        let mut addresses = interface.addresses.clone();
        addresses.extend(interface.mac.clone());
        sheet.row([
            interface.name.clone(),
            number(interface.index),
            state.to_owned(),
            number(interface.mtu),
            interface.input_rules.to_string(),
            interface.outputs.to_string(),
            interface.groups.to_string(),
            addresses.join("\n"),
        ]);
    }
    sheet.text()
}
