//! Products in an order in which many do not wait for each other, so that every lane of a device has one.

/// Numbers that are given, and products of any two that are there. A number is named by its slot: the given ones first,
/// the products in the order in which they were asked for.
pub(super) struct Schedule {
    given: u32,
    factors: Vec<[u32; 2]>,
    /// The round in which each product can be computed.
    depths: Vec<u32>,
}

/// Products round by round: each of a round is of numbers that were there before the round.
pub(super) struct Rounds {
    /// The slots of both factors of each product.
    pub(super) factors: Vec<[u32; 2]>,
    /// How many products each round has.
    pub(super) lengths: Vec<usize>,
}

impl Schedule {
    pub(super) fn new(given: usize) -> Self {
        Self { given: word(given), factors: Vec::new(), depths: Vec::new() }
    }

    /// How many products.
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

    /// The product of some slots, as a tree. `None` if there is none.
    pub(super) fn product_of(&mut self, mut slots: Vec<u32>) -> Option<u32> {
        while slots.len() > 1 {
            slots = slots.chunks(2).map(|pair| if let [x, y] = *pair { self.product(x, y) } else { pair[0] }).collect();
        }
        slots.pop()
    }

    /// Slots in the order of rounds, and the new slots of `results`.
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

/// Slots are bounded by what fits into memory, far below 2^32.
fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
