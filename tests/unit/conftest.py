import pytest
import torch


@pytest.fixture(scope="session")
def clouds():
    """Gaussian clouds of 32 px with their exact score."""
    from pds import models
    from pds.evaluation.gaussian import Field
    from pds.evaluation.subject import Subject

    return Subject("clouds", Field("clouds", models.field(32)), None, torch.device("cpu"))
