//! The fake queue against the contract.

use tagboat_core::ports::Turn;
use tagboat_testing::contract::turn::World;
use tagboat_testing::fake::FakeTurn;

struct InMemory(FakeTurn);

impl World for InMemory {
    fn turn(&self) -> &dyn Turn {
        &self.0
    }

    fn lose_everything(&self) {
        self.0.lose_everything();
    }
}

tagboat_testing::turn_contract!(Some(InMemory(FakeTurn::new())));
