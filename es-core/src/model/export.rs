//! The model for other eyes: JSON and Mermaid.

use super::{AggregateModel, Model, ReactionModel, Trigger};
use std::fmt::Write;

impl Model {
    /// The whole model as JSON.
    pub fn to_json(&self) -> String {
        // Names, numbers and lists: nothing in a model is refused by JSON.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// A Mermaid flowchart: a box for each aggregate, in it its commands, and arrows to what they raise; a box
    /// for each reactor, in it its methods, and dotted arrows from what they answer and to what they issue; and
    /// a cylinder for each projection, with arrows from what it follows.
    pub fn to_mermaid(&self) -> String {
        let mut chart = String::from("flowchart LR\n");
        for (a, aggregate) in self.aggregates.iter().enumerate() {
            draw(a, aggregate, &mut chart);
        }
        for (r, reactor) in self.reactors.iter().enumerate() {
            // Writing to a `String` cannot fail.
            let _ = writeln!(chart, "  subgraph r{r}[\"{}\"]", label(reactor.name));
            for (m, reaction) in reactor.reactions().enumerate() {
                let _ = writeln!(chart, "    r{r}m{m}[/\"{}\"/]", label(&caption(reaction)));
            }
            chart.push_str("  end\n");
            for (m, reaction) in reactor.reactions().enumerate() {
                self.connect(reaction, &format!("r{r}m{m}"), &mut chart);
            }
        }
        self.add_projections(&mut chart);
        chart
    }

    fn add_projections(&self, chart: &mut String) {
        for (p, projection) in self.projections.iter().enumerate() {
            let _ = writeln!(chart, "  p{p}[(\"{}\")]", label(projection.name));
            for (a, aggregate) in self.aggregates.iter().enumerate() {
                for (e, event) in aggregate.events.iter().enumerate() {
                    if projection.follows(event.name) {
                        let _ = writeln!(chart, "  a{a}e{e} --> p{p}");
                    }
                }
            }
        }
    }

    /// The arrows of one method.
    fn connect(&self, reaction: &ReactionModel, node: &str, chart: &mut String) {
        let (sources, arrow) = match reaction.on {
            Trigger::Event(event) => (self.nodes_of_event(event), "-.->"),
            Trigger::AnyEvent => (Vec::new(), "-.->"),
            Trigger::Refused(command) => (self.nodes_of_command(command), "-. refused .->"),
        };
        for source in sources {
            let _ = writeln!(chart, "  {source} {arrow} {node}");
        }
        for command in reaction.issues.iter().flat_map(|command| self.nodes_of_command(command)) {
            let _ = writeln!(chart, "  {node} -.-> {command}");
        }
    }

    /// The nodes of an event: several aggregates may apply it.
    fn nodes_of_event(&self, name: &str) -> Vec<String> {
        self.nodes('e', |aggregate| aggregate.events.iter().position(|event| event.name == name))
    }

    fn nodes_of_command(&self, name: &str) -> Vec<String> {
        self.nodes('c', |aggregate| aggregate.commands.iter().position(|command| command.name == name))
    }

    fn nodes(&self, kind: char, find: impl Fn(&AggregateModel) -> Option<usize>) -> Vec<String> {
        let found = self.aggregates.iter().enumerate();
        found.filter_map(|(a, aggregate)| Some(format!("a{a}{kind}{}", find(aggregate)?))).collect()
    }
}

fn draw(a: usize, aggregate: &AggregateModel, chart: &mut String) {
    let _ = writeln!(chart, "  subgraph a{a}[\"{}\"]", label(aggregate.name));
    for (c, command) in aggregate.commands.iter().enumerate() {
        let _ = writeln!(chart, "    a{a}c{c}[\"{}\"]", label(command.name));
    }
    for (e, event) in aggregate.events.iter().enumerate() {
        let _ = writeln!(chart, "    a{a}e{e}([\"{}\"])", label(event.name));
    }
    chart.push_str("  end\n");
    for (c, command) in aggregate.commands.iter().enumerate() {
        for (e, event) in aggregate.events.iter().enumerate() {
            if command.raises.contains(&event.name) {
                let _ = writeln!(chart, "  a{a}c{c} --> a{a}e{e}");
            }
        }
    }
}

/// A method, with what no arrow says.
fn caption(reaction: &ReactionModel) -> String {
    let mut caption = reaction.method.to_owned();
    if reaction.on == Trigger::AnyEvent {
        caption.push_str(", on any event");
    }
    if !reaction.known {
        caption.push_str(", issues any command");
    }
    caption
}

/// A text as Mermaid reads it between quotes.
fn label(text: &str) -> String {
    text.replace('"', "#quot;")
}
