"""Cycles on the CPU: a fresh scene, a camera, a picture in linear light, and rays into the scene."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")

import bpy
import cv2
import numpy as np
from mathutils import Matrix, Vector

from scripts.synthesis.cameras import PinholeCamera
from scripts.synthesis.truth import CastRay


def start_scene(size_px: tuple[int, int], samples: int) -> None:
    """Empties Blender and sets a cheap path tracer: few samples, few bounces, denoised; one thread."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = size_px
    scene.render.resolution_percentage = 100
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "16"
    scene.render.use_persistent_data = True
    cycles = scene.cycles
    cycles.device, cycles.samples, cycles.use_adaptive_sampling = "CPU", samples, False
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_quality, cycles.denoising_prefilter = "FAST", "NONE"
    cycles.denoising_input_passes = "RGB_ALBEDO"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 2, 2
    cycles.transmission_bounces, cycles.transparent_max_bounces = 0, 4
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.use_light_tree, cycles.sample_clamp_indirect = False, 4.0
    scene.view_settings.view_transform = "Standard"


def set_camera(camera: PinholeCamera) -> None:
    """Gives the scene the same camera that the labels are computed with."""
    scene = bpy.context.scene
    if scene.camera is None:
        item = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        scene.collection.objects.link(item)
        scene.camera = item
    right, down, forward = camera.axes
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = right, -down, -forward, camera.position_m
    scene.camera.matrix_world = Matrix(matrix.tolist())
    data = scene.camera.data
    data.sensor_fit, data.sensor_width = "HORIZONTAL", 36.0
    data.lens = camera.focal_px * 36.0 / camera.size_px[0]
    data.clip_start, data.clip_end = 0.1, 600
    scene.render.resolution_x, scene.render.resolution_y = camera.size_px


def render_linear(alpha: bool = False) -> np.ndarray:
    """Renders and returns linear light as float32 (H, W, 3) BGR, or (H, W, 4) with `alpha`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.exr"
        settings = bpy.context.scene.render
        settings.filepath = str(path)
        settings.image_settings.color_mode = "RGBA" if alpha else "RGB"
        bpy.ops.render.render(write_still=True)
        return cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32)


def make_ray_caster() -> CastRay:
    """Returns a function that finds the first surface along a ray in the scene as it stands now."""
    bpy.context.view_layer.update()
    graph = bpy.context.evaluated_depsgraph_get()
    scene = bpy.context.scene

    def cast_ray(origin_m: np.ndarray, direction: np.ndarray) -> tuple[str, np.ndarray] | None:
        hit, place, _, face, item, _ = scene.ray_cast(graph, Vector(origin_m), Vector(direction))
        if not hit:
            return None
        slot = item.data.polygons[face].material_index
        return item.data.materials[slot].name.split("-")[0].split(".")[0], np.array(place)

    return cast_ray
