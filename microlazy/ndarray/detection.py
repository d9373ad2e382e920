"""Detection layers under their names in `nd` and `nd.contrib`."""

from microlazy.ops import detection as _detection
from microlazy.ops import proposals as _proposals
from microlazy.ops import spatial as _spatial
from microlazy.ops.arguments import op

__all__ = ["BilinearSampler", "GridGenerator", "ROIPooling", "SpatialTransformer"]

BilinearSampler = op(_spatial.bilinear_sampler)
GridGenerator = op(_spatial.grid_generator)
ROIPooling = op(_spatial.roi_pooling)
SpatialTransformer = op(_spatial.spatial_transformer)

# What `nd.contrib` has of these.
CONTRIB = {
    "MultiBoxDetection": op(_detection.multibox_detection),
    "MultiBoxPrior": op(_detection.multibox_prior),
    "MultiBoxTarget": op(_detection.multibox_target),
    "MultiProposal": _proposals.proposal,
    "PSROIPooling": _proposals.psroi_pooling,
    "Proposal": _proposals.proposal,
    "ROIAlign": op(_spatial.roi_align),
    "bipartite_matching": op(_detection.bipartite_matching),
    "box_decode": op(_detection.box_decode),
    "box_encode": op(_detection.box_encode),
    "box_nms": op(_detection.box_nms),
}
CONTRIB["box_non_maximum_suppression"] = CONTRIB["box_nms"]
