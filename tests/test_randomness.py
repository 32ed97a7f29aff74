from mmtransfer.randomness import draw_rng, draw_seed


def test_draws_follow_from_their_arguments_alone():
    assert draw_seed(0, 'path', 7) == draw_seed(0, 'path', 7)
    assert draw_rng(3, 'path', 7).random() == draw_rng(3, 'path', 7).random()


def test_purpose_seed_and_counters_all_matter():
    seeds = {draw_seed(s, p, i) for s in (0, 1) for p in ('path', 'weights') for i in range(50)}
    assert len(seeds) == 200
    assert all(0 <= s < 2**32 for s in seeds)
