//! Who lives where: the tasks of a log, the process each belongs to, and the space each uses.
use crate::trace::CloneFlags;
use std::collections::HashMap;

/// Number of an address space; never used again.
pub type SpaceId = usize;

/// A task: a thread, in Linux' words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Task {
    /// The space it uses.
    pub space: SpaceId,
    /// The simulated CPU that it runs on.
    pub cpu: usize,
    /// The process that it belongs to: the id of its first thread.
    group: u32,
}

/// All tasks, and how many use each space.
#[derive(Debug)]
pub struct Tasks {
    cpus: usize,
    started: usize,
    spaces: usize,
    tasks: HashMap<u32, Task>,
    users: HashMap<SpaceId, usize>,
}

impl Tasks {
    /// No tasks, on a machine with `cpus` CPUs.
    pub fn new(cpus: usize) -> Tasks {
        Tasks {
            cpus,
            started: 0,
            spaces: 0,
            tasks: HashMap::new(),
            users: HashMap::new(),
        }
    }

    /// The task `pid`, if it was seen.
    pub fn get(&self, pid: u32) -> Option<Task> {
        self.tasks.get(&pid).copied()
    }

    /// A task with a space of its own, on CPU `cpu` if given. It must not be there.
    pub fn begin(&mut self, pid: u32, cpu: Option<usize>) -> Task {
        let space = self.new_space();
        self.place(pid, pid, space, cpu)
    }

    /// The task `child`, which must not be there, of the task `parent`: in its space, or in one of
    /// its own.
    pub fn clone_task(&mut self, parent: Task, child: u32, flags: CloneFlags) -> Task {
        let group = if flags.contains(CloneFlags::THREAD) {
            parent.group
        } else {
            child
        };
        let space = if flags.contains(CloneFlags::VM) {
            parent.space
        } else {
            self.new_space()
        };
        self.place(child, group, space, None)
    }

    /// The task `pid` is gone. Answers its space if it was the last to use it, and its CPU.
    pub fn leave(&mut self, pid: u32) -> Option<(SpaceId, usize)> {
        let task = self.tasks.remove(&pid)?;
        let users = self.users.get_mut(&task.space)?;
        *users -= 1;
        if *users > 0 {
            return None;
        }
        self.users.remove(&task.space);
        Some((task.space, task.cpu))
    }

    /// Another CPU than the task's on which its space is used, too.
    pub fn elsewhere(&self, task: Task) -> Option<usize> {
        if self.users.get(&task.space).is_none_or(|&users| users < 2) {
            return None;
        }
        let others = self.tasks.values().filter(|t| t.space == task.space);
        others.map(|t| t.cpu).filter(|&cpu| cpu != task.cpu).min()
    }

    /// All tasks of the process of `pid`, ascending.
    pub fn process_of(&self, pid: u32) -> Vec<u32> {
        let Some(group) = self.get(pid).map(|t| t.group) else {
            return Vec::new();
        };
        let tasks = self.tasks.iter();
        let mut all: Vec<u32> = tasks
            .filter(|(_, t)| t.group == group)
            .map(|(&p, _)| p)
            .collect();
        all.sort_unstable();
        all
    }

    /// All tasks, ascending.
    pub fn all(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.tasks.keys().copied().collect();
        all.sort_unstable();
        all
    }

    fn new_space(&mut self) -> SpaceId {
        self.spaces += 1;
        self.spaces - 1
    }

    fn place(&mut self, pid: u32, group: u32, space: SpaceId, cpu: Option<usize>) -> Task {
        let cpu = cpu.unwrap_or_else(|| {
            self.started += 1;
            (self.started - 1) % self.cpus
        });
        let task = Task { space, cpu, group };
        *self.users.entry(space).or_insert(0) += 1;
        self.tasks.insert(pid, task);
        task
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_a_space_and_spread_over_cpus() {
        let mut tasks = Tasks::new(2);
        let first = tasks.begin(1, None);
        let thread = tasks.clone_task(
            first,
            2,
            CloneFlags(CloneFlags::VM.0 | CloneFlags::THREAD.0),
        );
        let vfork = tasks.clone_task(first, 3, CloneFlags::VM);
        let fork = tasks.clone_task(first, 4, CloneFlags(0));
        assert_eq!([first.cpu, thread.cpu, vfork.cpu, fork.cpu], [0, 1, 0, 1]);
        assert!(thread.space == first.space && vfork.space == first.space);
        assert_ne!(fork.space, first.space);
        assert_eq!(tasks.process_of(2), [1, 2]);
        assert_eq!(tasks.process_of(3), [3]);
        assert_eq!(tasks.elsewhere(first), Some(1));
        assert_eq!(tasks.elsewhere(thread), Some(0));
        assert_eq!(tasks.elsewhere(fork), None);
    }

    #[test]
    fn a_space_ends_with_its_last_user() {
        let mut tasks = Tasks::new(4);
        let first = tasks.begin(1, Some(3));
        tasks.clone_task(first, 2, CloneFlags::VM);
        assert_eq!(tasks.leave(1), None);
        assert_eq!(tasks.leave(1), None);
        assert_eq!(tasks.leave(2), Some((first.space, 0)));
        assert!(tasks.all().is_empty());
    }
}
