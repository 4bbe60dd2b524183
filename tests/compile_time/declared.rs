//! The model with attributes.

/// The source of the whole model.
pub fn source(aggregates: usize, events: usize) -> String {
    let mut source = String::from("use es_core::prelude::*;\n");
    for a in 0..aggregates {
        source.push_str(&aggregate(a, events));
    }
    source
}

fn aggregate(a: usize, events: usize) -> String {
    let structs: String = (0..events).map(|e| message(a, e)).collect();
    let appliers: String = (1..events).map(|e| applier(a, e)).collect();
    let handlers: String = (1..events).map(|e| handler(a, e)).collect();
    format!(
        "{structs}
#[aggregate(id = String)]
pub struct Thing{a} {{ pub name: String, pub total: u64, pub notes: Vec<String> }}

#[applier]
impl Thing{a} {{
    fn born(e: &Event{a}x0) -> Self {{ Thing{a} {{ name: e.note.clone(), total: e.amount, notes: Vec::new() }} }}
{appliers}}}

#[command_handler]
impl Thing{a} {{
    fn create(command: Command{a}x0) -> Event{a}x0 {{
        Event{a}x0 {{ amount: command.amount, note: command.note, flag: true }}
    }}
{handlers}}}
"
    )
}

fn message(a: usize, e: usize) -> String {
    format!(
        "#[event] pub struct Event{a}x{e} {{ pub amount: u64, pub note: String, pub flag: bool }}
#[command(Thing{a})] pub struct Command{a}x{e} {{ #[id] pub id: String, pub amount: u64, pub note: String }}
"
    )
}

fn applier(a: usize, e: usize) -> String {
    format!(
        "    fn applied{e}(&mut self, e: &Event{a}x{e}) {{ self.total += e.amount; self.notes.push(e.note.clone()); }}\n"
    )
}

fn handler(a: usize, e: usize) -> String {
    format!(
        "    fn handled{e}(&self, command: Command{a}x{e}) -> Event{a}x{e} {{
        Event{a}x{e} {{ amount: command.amount + self.total, note: command.note, flag: false }}
    }}
"
    )
}
