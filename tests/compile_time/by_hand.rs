//! The same model as somebody would write it without a framework: an enum of events with names, bytes and a
//! fold, a trait for commands, and commands by name from JSON.

/// What the model would have to bring along, once.
const SUPPORT: &str = r"
use serde::{Deserialize, Serialize};

pub type Refused = String;
pub trait Aggregate: Sized { type Event; const NAME: &'static str; }
pub trait Command: Serialize + for<'a> Deserialize<'a> {
    type Aggregate: Aggregate;
    const NAME: &'static str;
    fn id(&self) -> &String;
    fn handle(self, state: Option<&Self::Aggregate>) -> Result<<Self::Aggregate as Aggregate>::Event, Refused>;
}
pub fn from_json<C: Command>(
    json: &str,
    state: Option<&C::Aggregate>,
) -> Result<<C::Aggregate as Aggregate>::Event, Refused> {
    serde_json::from_str::<C>(json).map_err(|error| error.to_string())?.handle(state)
}
";

/// The source of the whole model.
pub fn source(aggregates: usize, events: usize) -> String {
    let mut source = SUPPORT.to_owned();
    for a in 0..aggregates {
        source.push_str(&state_and_events(a, events));
        source.push_str(&commands(a, events));
    }
    source
}

fn each(events: impl Iterator<Item = usize>, line: impl Fn(usize) -> String) -> String {
    events.map(line).collect()
}

fn state_and_events(a: usize, events: usize) -> String {
    let derives = "#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]";
    let structs = each(0..events, |e| {
        format!("{derives} pub struct Event{a}x{e} {{ pub amount: u64, pub note: String, pub flag: bool }}\n")
    });
    let variants = each(0..events, |e| format!("    Event{a}x{e}(Event{a}x{e}),\n"));
    let names = each(0..events, |e| format!("            Self::Event{a}x{e}(_) => \"Event{a}x{e}\",\n"));
    let encode =
        each(0..events, |e| format!("            Self::Event{a}x{e}(e) => serde_json::to_vec(e),\n"));
    let decode = each(0..events, |e| {
        format!(
            "            (\"Event{a}x{e}\", 1) => serde_json::from_slice(bytes).map(Self::Event{a}x{e}).map_err(|e| e.to_string()),\n"
        )
    });
    let applied = each(1..events, |e| {
        format!(
            "            (Some(state), Event{a}::Event{a}x{e}(e)) => {{ state.total += e.amount; state.notes.push(e.note.clone()); }}\n"
        )
    });
    format!(
        "{structs}
#[derive(Clone, Debug, PartialEq)]
pub enum Event{a} {{
{variants}}}
impl Event{a} {{
    pub fn name(&self) -> &'static str {{
        match self {{
{names}        }}
    }}
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {{
        match self {{
{encode}        }}
    }}
    pub fn decode(name: &str, version: u16, bytes: &[u8]) -> Result<Self, Refused> {{
        match (name, version) {{
{decode}            (other, version) => Err(format!(\"unknown event {{other}} {{version}}\")),
        }}
    }}
}}
#[derive(Clone, Debug, PartialEq)]
pub struct Thing{a} {{ pub name: String, pub total: u64, pub notes: Vec<String> }}
impl Aggregate for Thing{a} {{ type Event = Event{a}; const NAME: &'static str = \"thing{a}\"; }}
impl Thing{a} {{
    pub fn apply(state: &mut Option<Self>, event: &Event{a}) -> Result<(), Refused> {{
        match (state, event) {{
            (state @ None, Event{a}::Event{a}x0(e)) => {{
                *state = Some(Thing{a} {{ name: e.note.clone(), total: e.amount, notes: Vec::new() }});
            }}
{applied}            _ => return Err(\"out of order\".to_string()),
        }}
        Ok(())
    }}
}}
"
    )
}

fn commands(a: usize, events: usize) -> String {
    let commands = each(0..events, |e| command(a, e));
    let names = each(0..events, |e| {
        format!("        \"Command{a}x{e}\" => from_json::<Command{a}x{e}>(json, state),\n")
    });
    format!(
        "{commands}
pub fn execute_thing{a}(name: &str, json: &str, state: Option<&Thing{a}>) -> Result<Event{a}, Refused> {{
    match name {{
{names}        other => Err(format!(\"unknown command {{other}}\")),
    }}
}}
"
    )
}

fn command(a: usize, e: usize) -> String {
    let body = if e == 0 {
        format!(
            "if state.is_some() {{ return Err(\"exists\".to_string()); }}
        Ok(Event{a}::Event{a}x0(Event{a}x0 {{ amount: self.amount, note: self.note, flag: true }}))"
        )
    } else {
        format!(
            "let Some(state) = state else {{ return Err(\"not found\".to_string()) }};
        Ok(Event{a}::Event{a}x{e}(Event{a}x{e} {{ amount: self.amount + state.total, note: self.note, flag: false }}))"
        )
    };
    format!(
        "#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command{a}x{e} {{ pub id: String, pub amount: u64, pub note: String }}
impl Command for Command{a}x{e} {{
    type Aggregate = Thing{a};
    const NAME: &'static str = \"Command{a}x{e}\";
    fn id(&self) -> &String {{ &self.id }}
    fn handle(self, state: Option<&Thing{a}>) -> Result<Event{a}, Refused> {{
        {body}
    }}
}}
"
    )
}
