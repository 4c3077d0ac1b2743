"""The printed dossier of a case, with reviews and basis as they stand."""

from datetime import UTC, datetime

from sqlalchemy import Engine

from detector.cases.life_cycle import LifeCycle
from detector.cases.store import CaseStore
from detector.errors import EvidenceError
from detector.evidence.dossier import Printout, print_dossier
from detector.evidence.texts import Language
from pipelines.evidence_place import local_package


def print_case(engine: Engine, case_id: str, *, masked: bool = True, language: Language = Language.ZH) -> bytes:
    """The dossier of a case as a PDF file.

    Args:
        engine: of the case database.
        case_id: the case.
        masked: False for the original pictures, which hold personal data of others.
        language: of its words.

    Raises:
        EvidenceError: the case has no package yet, or it is altered.
        StorageError: there is no such case, or the database cannot be read.
    """
    case = CaseStore(engine).get(case_id)
    if case.evidence is None:
        raise EvidenceError(f"case {case_id} has no package yet")
    history = LifeCycle(engine).history(case_id)
    with local_package(case.evidence.folder) as folder:
        return print_dossier(Printout(folder, case, history, datetime.now(UTC), masked, language))
