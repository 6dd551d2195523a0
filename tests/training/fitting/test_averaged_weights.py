import torch

from training.fitting.averaged_weights import AveragedWeights


def test_the_average_is_that_of_all_steps_with_weights_that_fade():
    generator = torch.Generator().manual_seed(1)
    weight = torch.zeros(3)
    average = AveragedWeights([weight])
    expected = weight.clone()
    for step in range(1, 1200):
        weight.copy_(torch.randn(3, generator=generator))
        average.update(step)
        decay = min(0.99, step / (step + 10))
        expected = decay * expected + (1 - decay) * weight
    last = weight.clone()
    with average.in_place():
        assert torch.allclose(weight, expected, atol=1e-5)
    assert torch.equal(weight, last)
