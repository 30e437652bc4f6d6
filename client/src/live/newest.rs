//! A list of bounded length: the newest wins, and what was forgotten is counted.

use std::collections::VecDeque;

/// The newest of all that was pushed.
#[derive(Clone, Debug)]
pub(super) struct Newest<T> {
    items: VecDeque<T>,
    most: usize,
    forgotten: u64,
}

impl<T> Newest<T> {
    /// A list that keeps at most so many.
    pub(super) const fn new(most: usize) -> Self {
        Self { items: VecDeque::new(), most, forgotten: 0 }
    }

    /// Adds the newest; the oldest makes room.
    pub(super) fn push(&mut self, newest: T) {
        if self.items.len() == self.most {
            self.items.pop_front();
            self.forgotten += 1;
        }
        self.items.push_back(newest);
    }

    /// How many were pushed.
    pub(super) fn pushed(&self) -> u64 {
        self.forgotten + self.items.len() as u64
    }

    /// How many of them are not here any more.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// From the oldest to the newest.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut()
    }

    pub(super) fn last(&self) -> Option<&T> {
        self.items.back()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        self.items.back_mut()
    }

    /// The one before which so many were pushed, if it is still here.
    pub(super) fn get(&self, number: u64) -> Option<&T> {
        self.items.get(self.place(number)?)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = self.place(number)?;
        self.items.get_mut(place)
    }

    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.forgotten)?).ok()
    }
}

impl<T: Clone> Newest<T> {
    pub(super) fn to_vec(&self) -> Vec<T> {
        self.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Newest;

    #[test]
    fn the_newest_are_kept_and_found_by_how_many_were_before_them() {
        let mut newest = Newest::new(2);
        (0..5).for_each(|number| newest.push(number));
        assert_eq!((newest.to_vec(), newest.forgotten(), newest.pushed()), (vec![3, 4], 3, 5));
        assert_eq!([2, 3, 4, 5].map(|at| newest.get(at).copied()), [None, Some(3), Some(4), None]);
    }
}
