//! Orders products into rounds of independent products, so that all lanes of a device are used.

/// Given numbers, and products of earlier numbers. Each number has a slot: the given numbers come first, then the
/// products in the order in which they were added.
pub(super) struct Schedule {
    given: u32,
    factors: Vec<[u32; 2]>,
    /// The round in which each product can be computed.
    depths: Vec<u32>,
}

/// Products in rounds. The factors of a round's products are all available before the round.
pub(super) struct Rounds {
    /// The slots of both factors of each product.
    pub(super) factors: Vec<[u32; 2]>,
    /// The number of products of each round.
    pub(super) lengths: Vec<usize>,
}

impl Schedule {
    pub(super) fn new(given: usize) -> Self {
        Self { given: word(given), factors: Vec::new(), depths: Vec::new() }
    }

    /// Returns the number of products.
    pub(super) fn len(&self) -> usize {
        self.factors.len()
    }

    fn depth(&self, slot: u32) -> u32 {
        slot.checked_sub(self.given).map_or(0, |product| self.depths[product as usize])
    }

    pub(super) fn product(&mut self, x: u32, y: u32) -> u32 {
        let slot = self.given + word(self.factors.len());
        self.depths.push(1 + self.depth(x).max(self.depth(y)));
        self.factors.push([x, y]);
        slot
    }

    /// Adds the product of several slots, as a tree, and returns its slot. `None` if there are no slots.
    pub(super) fn product_of(&mut self, mut slots: Vec<u32>) -> Option<u32> {
        while slots.len() > 1 {
            slots = slots.chunks(2).map(|pair| if let [x, y] = *pair { self.product(x, y) } else { pair[0] }).collect();
        }
        slots.pop()
    }

    /// Sorts the products by round, and renumbers the slots of `results` accordingly.
    pub(super) fn into_rounds(self, results: &mut [Option<u32>]) -> Rounds {
        let mut lengths = vec![0; self.depths.iter().copied().max().unwrap_or(0) as usize];
        self.depths.iter().for_each(|depth| lengths[*depth as usize - 1] += 1);
        let mut next: Vec<u32> = lengths
            .iter()
            .scan(self.given, |start, length| Some(std::mem::replace(start, *start + word(*length))))
            .collect();
        let moved: Vec<u32> = self
            .depths
            .iter()
            .map(|depth| {
                let place = &mut next[*depth as usize - 1];
                *place += 1;
                *place - 1
            })
            .collect();
        let renamed = |slot: u32| slot.checked_sub(self.given).map_or(slot, |product| moved[product as usize]);
        let mut factors = vec![[0; 2]; self.factors.len()];
        for (pair, place) in self.factors.iter().zip(&moved) {
            factors[(place - self.given) as usize] = pair.map(renamed);
        }
        results.iter_mut().flatten().for_each(|slot| *slot = renamed(*slot));
        Rounds { factors, lengths }
    }
}

/// Converts a slot or a length, both of which are limited by memory, far below 2^32.
fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
