//! `execute_all`: several commands, one commit.

use super::copies::{Copies, Placed};
use super::execute::{Committed, Execute, Options};
use super::group::{
    AllError, Group, Member, Survey, answered_one, decide_one, done_one, silent_one, survey_one,
};
use super::lost::Lost;
use super::queue::Turn;
use super::{App, answer, append, inline};
use crate::command::{Command, Handle, ReplyOf};
use crate::error::CommandError;
use crate::id::{CommandId, StreamId};
use crate::retry::RetryPolicy;
use tracing::Instrument;

type Done<C> = Committed<<C as Command>::Aggregate, ReplyOf<C>>;

/// Commands that are carried out together: a tuple of commands, or a `Vec` of one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a group of commands",
    label = "not a tuple or `Vec` of commands",
    note = "write `execute_all((first, second))`, or give a `Vec` of one command type"
)]
pub trait CommandGroup: Send + Sync + 'static {
    /// What each of them answers.
    type Done: Send;
    /// What each of them decided, before the commit.
    #[doc(hidden)]
    type Decided: Send;

    #[doc(hidden)]
    fn survey(&self, survey: &mut Survey);
    #[doc(hidden)]
    fn answered(&self, group: &Group) -> impl Future<Output = Result<Option<Self::Done>, AllError>> + Send;
    #[doc(hidden)]
    fn decide(&self, group: &mut Group) -> impl Future<Output = Result<Self::Decided, AllError>> + Send;
    #[doc(hidden)]
    fn done(decided: Self::Decided, placed: &Placed) -> Self::Done;
}

impl App {
    /// Carries out several commands in one commit: all of them or none, over all their streams, retried as
    /// a whole. A later command sees what an earlier one decided on the same stream.
    ///
    /// In the log the commit's events stand stream by stream, in the order in which the streams first came up;
    /// those of one stream in the order in which they were decided. Inline reactors meet them command by command,
    /// each command's events before those that they are answered with; whoever reads the log later meets them as
    /// they stand there.
    ///
    /// # Errors
    /// The error of the first command that was refused; nothing was recorded.
    pub fn execute_all<G: CommandGroup>(&self, commands: G) -> Execute<G, G::Done, AllError> {
        Execute::new(self.clone(), commands, |app, commands, options| {
            Box::pin(run(app, commands, options).instrument(tracing::info_span!("commands")))
        })
    }
}

async fn run<G: CommandGroup>(app: App, commands: G, options: Options) -> Result<G::Done, AllError> {
    let mut survey =
        Survey { streams: Vec::new(), policy: None, calls_services: false, refused: None, app: app.clone() };
    commands.survey(&mut survey);
    let stated = options.id.is_some();
    if !stated && let Some(refused) = survey.refused {
        return Err(refused);
    }
    let policy = survey.policy.unwrap_or(RetryPolicy::DEFAULT);
    // Everybody queues in the same order, so that no two groups wait for each other.
    survey.streams.sort_unstable();
    survey.streams.dedup();
    let mut turns = Vec::with_capacity(survey.streams.len());
    for stream in &survey.streams {
        turns.push(app.queues().turn(stream).await);
    }
    let id = options.id.unwrap_or_else(CommandId::new);
    let mut said = options.metadata;
    said.correlation_id.get_or_insert(id.as_uuid());
    let copies = Copies::new(app.clone(), survey.calls_services);
    let mut group = Group { id, stated, said, copies };
    if stated && let Some(done) = commands.answered(&group).await? {
        return Ok(done);
    }
    if let Some(refused) = survey.refused {
        return Err(refused);
    }
    let answered = attempts(&commands, &mut group, &policy, &survey.streams, &mut turns).await;
    // What was appended took the working copies with it.
    if !stated || (answered.is_ok() && group.copies.parts.is_empty()) {
        return answered;
    }
    match (commands.answered(&group).await, answered) {
        (Ok(Some(done)), _) => Ok(done),
        // Whether it was stored is still unknown, and no failed look makes that known.
        (Ok(None) | Err(_), answered @ Err(CommandError::Store(_))) | (Ok(None), answered) => answered,
        (Err(unread), _) => Err(unread),
    }
}

async fn attempts<G: CommandGroup>(
    commands: &G,
    group: &mut Group,
    policy: &RetryPolicy,
    own: &[StreamId],
    turns: &mut [Option<Turn>],
) -> Result<G::Done, AllError> {
    let app = group.copies.app.clone();
    let mut attempts = 1;
    let mut beside = None;
    loop {
        group.copies.clear();
        let decided = commands.decide(group).await;
        let copies = &mut group.copies;
        if !copies.checked && (decided.is_err() || !copies.is_certain()) {
            // Only an append may leave on states that nobody checked, and only on the streams it goes to.
            copies.checked = true;
            continue;
        }
        let decided = decided?;
        if copies.is_silent() {
            return Ok(G::done(decided, &copies.placed(None, attempts)));
        }
        let again = match append::settled(&app, || copies.commit()).await {
            Ok(appended) if appended.duplicate => {
                copies.drop_states();
                return answer::found(commands.answered(group).await);
            }
            Ok(appended) => {
                let placed = copies.placed(Some(appended.position), attempts);
                copies.keep(&placed, &appended.heads).await;
                return Ok(G::done(decided, &placed));
            }
            Err(error) => Lost {
                app: &app,
                own,
                turns,
                joined: Some(copies),
                beside: &mut beside,
                policy,
                attempts,
                is_last: attempts > policy.max,
            }
            .again(error),
        };
        again.await.map_err(inline::outer)?;
        // It may be this very group that was faster, by another hand. Decided again it might raise other
        // events, which the store could not recognise.
        if group.stated
            && let Some(done) = commands.answered(group).await?
        {
            return Ok(done);
        }
        group.copies.checked = true;
        attempts += 1;
    }
}

impl<C> CommandGroup for Vec<C>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    type Done = Vec<Done<C>>;
    type Decided = Vec<Member<C::Aggregate, ReplyOf<C>>>;

    fn survey(&self, survey: &mut Survey) {
        for command in self {
            survey_one(survey, command);
        }
    }
    async fn answered(&self, group: &Group) -> Result<Option<Self::Done>, AllError> {
        let mut found = Vec::with_capacity(self.len());
        for (n, command) in self.iter().enumerate() {
            found.push(answered_one(group, n, command).await?);
        }
        if found.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut done = Vec::with_capacity(self.len());
        for (n, (command, found)) in self.iter().zip(found).enumerate() {
            done.push(match found {
                Some(one) => one,
                None => silent_one(group, n, command).await?,
            });
        }
        Ok(Some(done))
    }
    async fn decide(&self, group: &mut Group) -> Result<Self::Decided, AllError> {
        let mut decided = Vec::with_capacity(self.len());
        for (n, command) in self.iter().enumerate() {
            decided.push(decide_one(group, n, command).await?);
        }
        Ok(decided)
    }
    fn done(decided: Self::Decided, placed: &Placed) -> Self::Done {
        decided.into_iter().map(|member| done_one(member, placed)).collect()
    }
}

macro_rules! command_tuple {
    ($($C:ident $n:tt),+) => {
        impl<$($C),+> CommandGroup for ($($C,)+)
        where
            $($C: Command, $C::Aggregate: Handle<$C>,)+
        {
            type Done = ($(Done<$C>,)+);
            type Decided = ($(Member<$C::Aggregate, ReplyOf<$C>>,)+);

            fn survey(&self, survey: &mut Survey) {
                $(survey_one(survey, &self.$n);)+
            }
            async fn answered(&self, group: &Group) -> Result<Option<Self::Done>, AllError> {
                let found = ($(answered_one(group, $n, &self.$n).await?,)+);
                if true $(&& found.$n.is_none())+ {
                    return Ok(None);
                }
                Ok(Some(($(match found.$n {
                    Some(one) => one,
                    None => silent_one(group, $n, &self.$n).await?,
                },)+)))
            }
            async fn decide(&self, group: &mut Group) -> Result<Self::Decided, AllError> {
                Ok(($(decide_one(group, $n, &self.$n).await?,)+))
            }
            fn done(decided: Self::Decided, placed: &Placed) -> Self::Done {
                ($(done_one(decided.$n, placed),)+)
            }
        }
    };
}
command_tuple!(C0 0);
command_tuple!(C0 0, C1 1);
command_tuple!(C0 0, C1 1, C2 2);
command_tuple!(C0 0, C1 1, C2 2, C3 3);
command_tuple!(C0 0, C1 1, C2 2, C3 3, C4 4);
command_tuple!(C0 0, C1 1, C2 2, C3 3, C4 4, C5 5);
