"""Materials: paint, rubber, glass, loads, cloth, plates, asphalt. All procedural but for plates and painted numbers."""

from __future__ import annotations

import bpy
import numpy as np

from scripts.synthesis.looks import FLOOR, Cloth, LoadMaterial, Rgb


def _new(name: str) -> tuple[bpy.types.Material, bpy.types.NodeTree, bpy.types.Node]:
    """Returns a material, its node tree and its principled shader."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    return material, tree, tree.nodes["Principled BSDF"]


def _rgba(rgb: Rgb) -> tuple[float, float, float, float]:
    return (*rgb, 1.0)


def make_plain(name: str, rgb: Rgb, roughness: float = 0.5, metallic: float = 0.0) -> bpy.types.Material:
    """A flat colour."""
    material, _, shader = _new(name)
    shader.inputs["Base Color"].default_value = _rgba(rgb)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    return material


def make_glow(name: str, rgb: Rgb, strength: float) -> bpy.types.Material:
    """A lamp; strength is radiance in W/(sr m2) of the colour."""
    material, _, shader = _new(name)
    shader.inputs["Base Color"].default_value = (0.8, 0.8, 0.8, 1)
    shader.inputs["Roughness"].default_value = 0.15
    shader.inputs["Emission Color"].default_value = _rgba(rgb)
    shader.inputs["Emission Strength"].default_value = strength
    return material


def _mix_by_noise(
    tree: bpy.types.NodeTree, colours: tuple[Rgb, Rgb], scale: float, window: tuple[float, float], detail: float = 3.0
) -> bpy.types.NodeSocket:
    """Returns a colour socket that mixes two colours by noise; `scale` in waves per metre, `window` the ramp's ends."""
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = scale
    noise.inputs["Detail"].default_value = detail
    place = tree.nodes.new("ShaderNodeTexCoord")
    tree.links.new(place.outputs["Object"], noise.inputs["Vector"])
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    for element, position, rgb in zip(ramp.color_ramp.elements, window, colours, strict=True):
        element.position, element.color = position, _rgba(rgb)
    tree.links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
    return ramp.outputs["Color"]


def make_dirty(name: str, rgb: Rgb, dirt: float, roughness: float = 0.4, scale: float = 1.3) -> bpy.types.Material:
    """Paint with patches of dust; dirt 0..1 is about the dusty share."""
    material, tree, shader = _new(name)
    dust = tuple(0.45 * c + 0.55 * d for c, d in zip(rgb, (0.16, 0.13, 0.1), strict=True))
    middle = 0.72 - 0.42 * dirt
    colour = _mix_by_noise(tree, (rgb, dust), scale, (middle - 0.12, middle + 0.15), 2.0)
    tree.links.new(colour, shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = roughness + 0.25 * dirt
    return material


def make_load(look: LoadMaterial) -> bpy.types.Material:
    """Loose material: grain of `grain_m` as colour and fine bump, broad tone changes, glints on coal and mud."""
    material, tree, shader = _new(f"load-{look.name}")
    fine = _mix_by_noise(tree, (look.dark, look.light), 0.35 / look.grain_m, (0.38, 0.62), 2.0)
    broad = _mix_by_noise(tree, ((0.72,) * 3, (1.12,) * 3), 1.2, (0.35, 0.65))
    mix = tree.nodes.new("ShaderNodeMixRGB")
    mix.blend_type = "MULTIPLY"
    mix.inputs["Fac"].default_value = 1.0
    tree.links.new(fine, mix.inputs["Color1"])
    tree.links.new(broad, mix.inputs["Color2"])
    tree.links.new(mix.outputs["Color"], shader.inputs["Base Color"])
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Distance"].default_value = look.grain_m
    bump.inputs["Strength"].default_value = 0.9
    tree.links.new(fine, bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    shader.inputs["Roughness"].default_value = 0.95 - 0.42 * look.wetness
    shader.inputs["Specular IOR Level"].default_value = 0.15 + 0.5 * look.wetness
    if look.glints:  # single grains are bright: a mirror's lobe would be lost in the denoiser
        start = 0.8 - 0.1 * look.glints
        sparks = _mix_by_noise(tree, ((0.0,) * 3, (0.5,) * 3), 0.2 / look.grain_m, (start, start + 0.04), 1.0)
        add = tree.nodes.new("ShaderNodeMixRGB")
        add.blend_type = "ADD"
        add.inputs["Fac"].default_value = 1.0
        tree.links.new(mix.outputs["Color"], add.inputs["Color1"])
        tree.links.new(sparks, add.inputs["Color2"])
        tree.links.new(add.outputs["Color"], shader.inputs["Base Color"])
    return material


def make_cloth(look: Cloth) -> bpy.types.Material:
    """Tarpaulin or net: faded patches; a net lets about `holes` of the light through, here more and there less.

    Its meshes measure millimetres, far below a pixel: what a camera sees is a veil. Drawn as spots of some centimetres
    they looked like gravel.
    """
    material, tree, shader = _new(f"cloth-{look.name}")
    faded = tuple(min(1.0, 0.7 * c + 0.08) for c in look.rgb)
    middle = 0.75 - 0.5 * look.patchy
    colour = _mix_by_noise(tree, (look.rgb, faded), 0.9, (middle - 0.1, middle + 0.2), 2.0)
    tree.links.new(colour, shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.85 if look.holes else 1 - look.gloss
    if look.holes:
        dense, loose = (0.6 * look.holes,) * 3, (1.4 * look.holes,) * 3
        passing = _mix_by_noise(tree, (dense, loose), 2.5, (0.35, 0.65), 2.0)
        clear = tree.nodes.new("ShaderNodeBsdfTransparent")
        mix = tree.nodes.new("ShaderNodeMixShader")
        tree.links.new(passing, mix.inputs["Fac"])
        tree.links.new(shader.outputs["BSDF"], mix.inputs[1])
        tree.links.new(clear.outputs["BSDF"], mix.inputs[2])
        tree.links.new(mix.outputs["Shader"], tree.nodes["Material Output"].inputs["Surface"])
    return material


def make_picture(name: str, picture: np.ndarray, glow: float = 0.0) -> bpy.types.Material:
    """Maps an RGB picture (H, W, 3) uint8 by the UV layer; `glow` lifts it at night as a reflecting plate is lifted."""
    height, width = picture.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=False)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = picture[::-1].astype(np.float32) / 255
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    image.pack()
    material, tree, shader = _new(name)
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    node.extension = "EXTEND"
    tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.5
    shader.inputs["Specular IOR Level"].default_value = 0.2
    if glow:
        tree.links.new(node.outputs["Color"], shader.inputs["Emission Color"])
        shader.inputs["Emission Strength"].default_value = glow
    return material


def make_windows(name: str, wall: Rgb, glass: Rgb, lit: float) -> bpy.types.Material:
    """A facade: rows of windows by a brick pattern; `lit` is the glow of windows at night."""
    material, tree, shader = _new(name)
    brick = tree.nodes.new("ShaderNodeTexBrick")
    brick.offset = 0.0
    for key, value in {
        "Scale": 1.0,
        "Mortar Size": 0.45,
        "Brick Width": 2.4,
        "Row Height": 3.0,
        "Mortar Smooth": 0.0,
    }.items():
        brick.inputs[key].default_value = value
    brick.inputs["Color1"].default_value = _rgba(glass)
    brick.inputs["Color2"].default_value = _rgba(tuple(0.5 * c for c in glass))
    brick.inputs["Mortar"].default_value = _rgba(wall)
    place = tree.nodes.new("ShaderNodeTexCoord")
    turn = tree.nodes.new("ShaderNodeMapping")
    turn.inputs["Rotation"].default_value = (np.pi / 2, 0, 0)
    tree.links.new(place.outputs["Object"], turn.inputs["Vector"])
    tree.links.new(turn.outputs["Vector"], brick.inputs["Vector"])
    tree.links.new(brick.outputs["Color"], shader.inputs["Base Color"])
    shader.inputs["Emission Strength"].default_value = lit
    return material


def make_base(dirt: float, paint: Rgb, bed_paint: Rgb, lamps: float) -> dict[str, bpy.types.Material]:
    """Returns the materials every vehicle uses; `lamps` is the head lamps' radiance, 0 by day."""
    rust = (0.12, 0.075, 0.05)
    return {
        "paint": make_dirty("paint", paint, 0.6 * dirt, 0.28),
        "bed": make_dirty("bed", bed_paint, dirt, 0.45),
        "bed_inside": make_dirty(
            "bed_inside", tuple(0.35 * a + 0.35 * b for a, b in zip(bed_paint, rust, strict=True)), 0.75, 0.6, 2.2
        ),
        "floor": make_dirty("floor", FLOOR, 0.6, 0.6, 1.7),
        "dark": make_plain("dark", (0.015, 0.015, 0.016), 0.55),
        "rubber": make_plain("rubber", (0.02, 0.019, 0.018), 0.85),
        "frame": make_dirty("frame", (0.03, 0.03, 0.032), dirt, 0.7),
        "glass": make_plain("glass", (0.012, 0.016, 0.02), 0.06),
        "cabin": make_plain("cabin", (0.075, 0.065, 0.055), 0.35),
        "sign": make_plain("sign", (0.55, 0.42, 0.08), 0.5),
        "chrome": make_plain("chrome", (0.45, 0.45, 0.45), 0.25, 1.0),
        "white": make_plain("white", (0.7, 0.7, 0.7), 0.5),
        "red": make_plain("red", (0.45, 0.01, 0.01), 0.4),
        "amber": make_plain("amber", (0.7, 0.2, 0.01), 0.4),
        "lamp": make_glow("lamp", (1.0, 0.95, 0.85), lamps),
        "tail": make_glow("tail", (1.0, 0.03, 0.02), 0.04 * lamps),
        "rope": make_plain("rope", (0.25, 0.24, 0.2), 0.9),
    }
