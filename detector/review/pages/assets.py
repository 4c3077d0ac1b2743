"""Styles and scripts."""

from starlette.responses import Response

from detector.review.access import allow_all, page_router
from detector.review.assets import load_assets
from detector.review.refusals import Refusal
from detector.review.view import YEAR_S

router = page_router()


@router.get("/static/{version}/{name}", include_in_schema=False)
@allow_all()
def send_asset(version: str, name: str) -> Response:
    """One file; only names that were there at the start are known."""
    asset = load_assets().get(name)
    if asset is None:
        raise Refusal(404, "error.no_page")
    is_current = version == asset.version
    keep = f"public, max-age={YEAR_S}, immutable" if is_current else "no-cache"
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": keep})
