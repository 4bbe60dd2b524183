//! The model for other eyes: JSON and Mermaid.

use super::Model;
use std::fmt::Write;

impl Model {
    /// The whole model as JSON.
    pub fn to_json(&self) -> String {
        // Names, numbers and lists: nothing in a model is refused by JSON.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// A Mermaid flowchart: a box for each aggregate, in it its commands, and arrows to what they raise; from
    /// there arrows to the projections that follow.
    pub fn to_mermaid(&self) -> String {
        let mut chart = String::from("flowchart LR\n");
        for (a, aggregate) in self.aggregates.iter().enumerate() {
            // Writing to a `String` cannot fail.
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
}

/// A text as Mermaid reads it between quotes.
fn label(text: &str) -> String {
    text.replace('"', "#quot;")
}
