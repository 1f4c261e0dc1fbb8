"""The published layouts, each on a made-up tree of the names that its cited reader has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import DataError
from benchmark.forgeries.item import FileBytes, ForgeryItem, ForgerySet
from benchmark.forgeries.reading import read_forgeries
from benchmark.forgeries.truth import read_truth
from tests.unit.forgeries.trees import SHAPE, edges, forged, image, make, mask


@dataclass(frozen=True, slots=True)
class Expected:
    """What an item is, but for its files: its truth is compared in pixels."""

    name: str
    group: str
    original: str = ""
    subset: str = ""
    method: str = ""
    authentic: bool = False


def told(item: ForgeryItem) -> Expected:
    return Expected(item.name, item.group, item.original, item.subset, item.method, item.authentic)


def cocoglide(root: Path) -> None:
    make(root, ("fake/glide_inpainting_val2017_42_up.png", "fake/glide_inpainting_val2017_7_up.png",
                "real/dining table_42.png", "real/cat_7.png", "fake/thumbs.png"),
         ("mask/dining table_42_mask.png", "mask/cat_7_mask.png"))  # fmt: skip


COCOGLIDE = [
    Expected("fake/glide_inpainting_val2017_42_up", "42", "real/dining table_42", "", "glide"),
    Expected("fake/glide_inpainting_val2017_7_up", "7", "real/cat_7", "", "glide"),
    Expected("real/cat_7", "7", authentic=True),
    Expected("real/dining table_42", "42", authentic=True),
]


def casia1(root: Path) -> None:
    make(root, ("Tp/Sp/Sp_D_NRN_A_sec0013_art0029_0547.jpg",
                "Tp/CM/Sp_S_NRN_A_ani0001_ani0001_0011.jpg",
                "Au/Au_sec_0013.jpg", "Au/Au_pla_0002.jpg"))  # fmt: skip
    for name in ("Sp/Sp_D_NRN_A_sec0013_art0029_0547", "CM/Sp_S_NRN_A_ani0001_ani0001_0011"):
        mask(root / f"CASIA 1.0 groundtruth/{name}_gt.png", inside=2)


CASIA1 = [
    Expected("Au/Au_pla_0002", "pla0002", authentic=True),
    Expected("Au/Au_sec_0013", "sec0013", authentic=True),
    Expected("Tp/CM/Sp_S_NRN_A_ani0001_ani0001_0011", "ani0001", "", "copy-move", "copy-move"),
    Expected("Tp/Sp/Sp_D_NRN_A_sec0013_art0029_0547", "sec0013", "Au/Au_sec_0013", "splicing",
             "splicing"),
]  # fmt: skip


def casia1_plus(root: Path) -> None:
    """As the listing of MMFusion has it, whose truths lie in Gt."""
    make(root, ("Tp/Sp/Sp_D_NRN_A_sec0013_art0029_0547.jpg", "Au/Au_sec_0013.jpg"),
         ("Gt/Sp/Sp_D_NRN_A_sec0013_art0029_0547_gt.png",))  # fmt: skip


def casia1_catnet(root: Path) -> None:
    """As the reader of CAT-Net has it."""
    make(root, ("CASIA 1.0 dataset/Modified Tp/Sp/Sp_D_NRN_A_sec0013_art0029_0547.jpg",
                "CASIA 1.0 dataset/Au/Au_sec_0013.jpg"),
         ("CASIA 1.0 groundtruth/Sp/Sp_D_NRN_A_sec0013_art0029_0547_gt.png",))  # fmt: skip


def casia2(root: Path) -> None:
    make(root, ("CASIA 2.0/Tp/Tp_D_NRN_S_N_sec00064_cha00052_11409.jpg",
                "CASIA 2.0/Au/Au_sec_00064.jpg", "CASIA 2.0/Tp/Thumbs.jpg"))  # fmt: skip
    image(root / "CASIA 2.0/Tp/Tp_S_NRD_S_N_pla20003_pla20003_01903.tif")
    for name in ("Tp_D_NRN_S_N_sec00064_cha00052_11409", "Tp_S_NRD_S_N_pla20003_pla20003_01903"):
        mask(root / f"CASIA 2 Groundtruth/{name}_gt.png", inside=9)


CASIA2 = [
    Expected("CASIA 2.0/Au/Au_sec_00064", "sec00064", authentic=True),
    Expected("CASIA 2.0/Tp/Tp_D_NRN_S_N_sec00064_cha00052_11409", "sec00064",
             "CASIA 2.0/Au/Au_sec_00064", "splicing", "splicing"),
    Expected("CASIA 2.0/Tp/Tp_S_NRD_S_N_pla20003_pla20003_01903", "pla20003", "", "copy-move",
             "copy-move"),
]  # fmt: skip


def casia2_short(root: Path) -> None:
    make(root, ("Tp/Tp_D_NRN_S_N_sec00064_cha00052_11409.jpg",),
         ("Gt/Tp_D_NRN_S_N_sec00064_cha00052_11409_gt.png",))  # fmt: skip


def columbia(root: Path) -> None:
    make(root, ("4cam_splc/canong3_canonxt_sub_12.tif", "4cam_auth/canonxt_29_sub_07.tif"))
    edges(root / "4cam_splc/edgemask/canong3_canonxt_sub_12_edgemask.jpg")


COLUMBIA = [
    Expected("4cam_auth/canonxt_29_sub_07", "4cam_auth/canonxt_29_sub_07", authentic=True),
    Expected("4cam_splc/canong3_canonxt_sub_12", "4cam_splc/canong3_canonxt_sub_12",
             method="splicing"),
]  # fmt: skip


def coverage(root: Path) -> None:
    make(root, ("image/1.tif", "image/1t.tif", "image/10t.tif"),
         ("mask/1forged.tif", "mask/10forged.tif", "mask/1copy.tif",
          "mask/1paste.tif"))  # fmt: skip
    (root / "label").mkdir()
    (root / "label/1.mat").write_bytes(b"")


COVERAGE = [
    Expected("image/1", "1", authentic=True),
    Expected("image/10t", "10", "", "", "copy-move"),
    Expected("image/1t", "1", "image/1", "", "copy-move"),
]


def dso1(root: Path) -> None:
    make(root, ("DSO-1/splicing-01.png", "DSO-1/normal-01.png"))
    mask(root / "DSO-1-Fake-Images-Masks/splicing-01.png", inside=0, outside=255)


DSO1 = [
    Expected("DSO-1/normal-01", "DSO-1/normal-01", authentic=True),
    Expected("DSO-1/splicing-01", "DSO-1/splicing-01", method="splicing"),
]


def imd2020(root: Path) -> None:
    make(root, ("1bl55t/1bl55t_orig.jpg", "1bl55t/c97qv4m_0.jpg", "1bl55t/c97rkx9_0.png",
                "z28/00065_orig.jpg", "z28/00065_fake.jpg"))  # fmt: skip
    for name in ("1bl55t/c97qv4m_0", "1bl55t/c97rkx9_0", "z28/00065_fake"):
        mask(root / f"{name}_mask.png", inside=40)


IMD2020 = [
    Expected("1bl55t/1bl55t_orig", "1bl55t", authentic=True),
    Expected("1bl55t/c97qv4m_0", "1bl55t", "1bl55t/1bl55t_orig"),
    Expected("1bl55t/c97rkx9_0", "1bl55t", "1bl55t/1bl55t_orig"),
    Expected("z28/00065_fake", "z28", "z28/00065_orig"),
    Expected("z28/00065_orig", "z28", authentic=True),
]


def korus(root: Path) -> None:
    make(root, ("Canon_60D/tampered-realistic/DPP0001.TIF", "Canon_60D/pristine/DPP0001.TIF",
                "Sony_A57/tampered-realistic/DPP0001.TIF"))  # fmt: skip
    for camera in ("Canon_60D", "Sony_A57"):
        mask(root / f"{camera}/ground-truth/DPP0001.PNG", inside=127)


KORUS = [
    Expected("Canon_60D/pristine/DPP0001", "Canon_60D/DPP0001", "", "Canon_60D", authentic=True),
    Expected("Canon_60D/tampered-realistic/DPP0001", "Canon_60D/DPP0001",
             "Canon_60D/pristine/DPP0001", "Canon_60D"),
    Expected("Sony_A57/tampered-realistic/DPP0001", "Sony_A57/DPP0001", "", "Sony_A57"),
]  # fmt: skip


def sagi(root: Path) -> None:
    columns = "img_path,mask_path,src_path,split,inpainting_model,diffusion_model,type,prompt\n"
    coco, fake = "test/coco", "test/coco/brushnet/coco_000000003742_brushnet_sdxl_1_None"
    rows = (
        rf"sagid\{fake.replace('/', chr(92))}.png,sagid\test\coco\mask\3742.png,"
        rf"sagid\test\coco\original\000000003742.jpg,test,brushnet,sdxl,fr,"
        "an orange, ripe"
        ""
        "\n"
        f"sagid/{coco}/lama/b.png,sagid/{coco}/mask/b.png,sagid/{coco}/original/000000003742.jpg,"
        "test,removeanything,lama,sp,\n"
        f"sagid/{coco}/lama/gone.png,sagid/{coco}/mask/b.png,sagid/{coco}/original/x.jpg,"
        "test,removeanything,lama,sp,\n"
        "sagid/train/raise/lama/c.png,m.png,s.jpg,train,removeanything,lama,sp,\n"
    )
    make(root, (f"{fake}.png", f"{coco}/lama/b.png", f"{coco}/original/000000003742.jpg"),
         (f"{coco}/mask/3742.png", f"{coco}/mask/b.png"))  # fmt: skip
    rows = rows.replace('""an orange, ripe""', '"an orange, ripe"')
    (root / "sagid.csv").write_text(columns + rows)


SAGI = [
    Expected("test/coco/brushnet/coco_000000003742_brushnet_sdxl_1_None",
             "test/coco/original/000000003742.jpg", "test/coco/original/000000003742", "coco/fr",
             "brushnet"),
    Expected("test/coco/lama/b", "test/coco/original/000000003742.jpg",
             "test/coco/original/000000003742", "coco/sp", "removeanything"),
    Expected("test/coco/original/000000003742", "test/coco/original/000000003742.jpg", "",
             "coco", authentic=True),
]  # fmt: skip

PLACE = "testing/hair drier"


def tgif(root: Path) -> None:
    make(root, (f"sd2-sp/{PLACE}/42_mask_bbox.png_ps_mask.png_sd2_0.png",
                f"sd2-sp/{PLACE}/42_mask_random.png_sd2_1.png",
                f"ps-sp/{PLACE}/42_mask_segm.png_ps_2.png",
                f"sd2-fr/{PLACE}/42_mask_bbox.png_sd2-512_0.png",
                f"sdxl-fr/{PLACE}/42_mask_segm.png_sdxl-1024_0.png",
                f"flux1dev-sp/{PLACE}/42_mask_segm.png_ps_mask.png_flux1dev_0.png",
                f"sdxl-fr/{PLACE}/42_mask_random.png_sd2-1024_0.png",
                f"sd2-sp/{PLACE}/notes.png",
                "sd2-sp/training/cat/7_mask_bbox.png_ps_mask.png_sd2_0.png",
                f"orig/{PLACE}/42_orig.png", f"orig/{PLACE}/42_orig_512.png",
                f"original-flux/{PLACE}/42_orig.png"))  # fmt: skip
    for name in ("42_mask_bbox.png_ps_mask", "42_mask_segm.png_ps_mask", "42_mask_random",
                 "42_mask_bbox_512", "42_mask_segm_1024"):  # fmt: skip
        mask(root / f"masks/{PLACE}/{name}.png", inside=60)
    mask(root / f"masks-fr/{PLACE}/42_mask_1024.png")
    for name in ("42_mask_512", "42_mask_bbox", "42_mask_segm", "42_mask_segm_512"):
        mask(root / f"masks/{PLACE}/{name}.png", inside=0)  # not the truths of any image here


TGIF = [
    Expected(f"flux1dev-sp/{PLACE}/42_mask_segm.png_ps_mask.png_flux1dev_0", "42",
             f"orig/{PLACE}/42_orig", "flux1dev-sp", "flux1dev"),
    Expected(f"orig/{PLACE}/42_orig", "42", "", "orig", authentic=True),
    Expected(f"orig/{PLACE}/42_orig_512", "42", "", "orig-512", authentic=True),
    Expected(f"ps-sp/{PLACE}/42_mask_segm.png_ps_2", "42", f"orig/{PLACE}/42_orig", "ps-sp", "ps"),
    Expected(f"sd2-fr/{PLACE}/42_mask_bbox.png_sd2-512_0", "42", f"orig/{PLACE}/42_orig",
             "sd2-fr", "sd2"),
    Expected(f"sd2-sp/{PLACE}/42_mask_bbox.png_ps_mask.png_sd2_0", "42", f"orig/{PLACE}/42_orig",
             "sd2-sp", "sd2"),
    Expected(f"sd2-sp/{PLACE}/42_mask_random.png_sd2_1", "42", f"orig/{PLACE}/42_orig",
             "sd2-random-sp", "sd2"),
    Expected(f"sdxl-fr/{PLACE}/42_mask_random.png_sd2-1024_0", "42", f"orig/{PLACE}/42_orig",
             "sdxl-random-fr", "sdxl"),
    Expected(f"sdxl-fr/{PLACE}/42_mask_segm.png_sdxl-1024_0", "42", f"orig/{PLACE}/42_orig",
             "sdxl-fr", "sdxl"),
]  # fmt: skip

TREES: dict[str, tuple[str, Callable[[Path], None], list[Expected]]] = {
    "cocoglide": ("cocoglide", cocoglide, COCOGLIDE),
    "casia1": ("casia1", casia1, CASIA1),
    "casia2": ("casia2", casia2, CASIA2),
    "columbia": ("columbia", columbia, COLUMBIA),
    "coverage": ("coverage", coverage, COVERAGE),
    "dso1": ("dso1", dso1, DSO1),
    "imd2020": ("imd2020", imd2020, IMD2020),
    "korus": ("korus", korus, KORUS),
    "sagi": ("sagi", sagi, SAGI),
    "tgif": ("tgif", tgif, TGIF),
}


def read(root: Path, tree: str) -> ForgerySet:
    TREES[tree][1](root)
    return read_forgeries(root)


@pytest.mark.parametrize("tree", TREES)
def test_the_items_of_a_tree(tmp_path: Path, tree: str) -> None:
    found = read(tmp_path, tree)
    layout, _, expected = TREES[tree]
    assert found.layout == layout
    assert [told(item) for item in found.items] == expected


@pytest.mark.parametrize("tree", [tree for tree in TREES if tree != "columbia"])
def test_the_truths_of_a_tree(tmp_path: Path, tree: str) -> None:
    for item in read(tmp_path, tree).items:
        truth = read_truth(item, SHAPE)
        np.testing.assert_array_equal(truth, forged() & (not item.authentic), err_msg=item.name)


def test_the_truth_of_columbia_is_its_green_region(tmp_path: Path) -> None:
    truth = read_truth(read(tmp_path, "columbia").items[1], SHAPE)
    assert (truth != forged()).mean() < 0.2  # JPEG blurs its edge
    assert truth[3, 5]
    assert not truth[0, 0]


@pytest.mark.parametrize("tree", TREES)
def test_a_set_may_lie_one_folder_deeper(tmp_path: Path, tree: str) -> None:
    TREES[tree][1](tmp_path / "Downloads" / "set")
    found = read_forgeries(tmp_path / "Downloads")
    assert [item.name for item in found.items] == [one.name for one in TREES[tree][2]]


@pytest.mark.parametrize("tree", TREES)
def test_another_layout_is_refused_with_what_is_missing_and_its_terms(
    tmp_path: Path, tree: str
) -> None:
    make(tmp_path, ("holiday/1.jpg",))
    with pytest.raises(DataError) as wrong:
        read_forgeries(tmp_path, TREES[tree][0])
    text = str(wrong.value)
    assert text.startswith(f"{tmp_path}: no ")
    assert "; expected " in text
    assert ", from http" in text
    assert "(terms: " in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("make_tree", "layout", "name"),
    [
        (casia1_plus, "casia1", "Tp/Sp/Sp_D_NRN_A_sec0013_art0029_0547"),
        (casia1_catnet, "casia1",
         "CASIA 1.0 dataset/Modified Tp/Sp/Sp_D_NRN_A_sec0013_art0029_0547"),
        (casia2_short, "casia2", "Tp/Tp_D_NRN_S_N_sec00064_cha00052_11409"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)  # fmt: skip
def test_other_trees_of_casia(
    tmp_path: Path, make_tree: Callable[[Path], None], layout: str, name: str
) -> None:
    make_tree(tmp_path)
    found = read_forgeries(tmp_path)
    assert found.layout == layout
    (one,) = [item for item in found.items if not item.authentic]
    assert one.name == name
    assert read_truth(one).any()
    assert all(item.group == "sec0013" for item in found.items) or layout == "casia2"


def test_both_versions_of_casia_in_one_folder_are_not_guessed_apart(tmp_path: Path) -> None:
    casia1_catnet(tmp_path)
    casia2(tmp_path)
    with pytest.raises(DataError, match="the layouts casia1, casia2 fit; say which"):
        read_forgeries(tmp_path)
    assert read_forgeries(tmp_path, "casia2").layout == "casia2"


def test_what_casia_leaves_open_is_noted(tmp_path: Path) -> None:
    notes = read(tmp_path, "casia2").notes
    assert any(note.startswith("1 spliced images name two sources; the first") for note in notes)
    assert "1 left out, not named as CASIA's: CASIA 2.0/Tp/Thumbs.jpg" in notes


@pytest.mark.parametrize("tree", TREES)
def test_a_missing_truth_is_counted(tmp_path: Path, tree: str) -> None:
    TREES[tree][1](tmp_path)
    victim = next(item for item in read_forgeries(tmp_path).items if not item.authentic)
    assert isinstance(victim.mask, FileBytes)
    victim.mask.path.unlink()
    if tree == "columbia":  # an empty folder is no folder of the tree
        edges(tmp_path / "4cam_splc/edgemask/other.jpg")
    if tree == "dso1":
        mask(tmp_path / "DSO-1-Fake-Images-Masks/other.png")
    found = read_forgeries(tmp_path, TREES[tree][0])
    again = next(item for item in found.items if item.name == victim.name)
    assert not again.has_truth
    assert any("forged images have no truth: " in note for note in found.notes)


def test_the_parts_of_tgif(tmp_path: Path) -> None:
    found = read(tmp_path, "tgif")
    assert found.groups == 1
    assert "the test part alone; 1 files of other parts are left out" in found.notes
    assert [(one.name, one.reason) for one in found.skipped] == [
        (f"original-flux/{PLACE}/42_orig.png", "originals that are there already"),
        (f"sd2-sp/{PLACE}/notes.png", "not named as TGIF's"),
    ]


def test_tgif_without_a_test_part_is_read_whole(tmp_path: Path) -> None:
    make(tmp_path, ("sd2-fr/training/cat/7_mask_bbox.png_sd2-512_0.png",))
    found = read_forgeries(tmp_path)
    assert [item.subset for item in found.items] == ["sd2-fr"]


def test_the_parts_of_sagi(tmp_path: Path) -> None:
    found = read(tmp_path, "sagi")
    assert "the test part alone; 1 rows of other parts are left out" in found.notes
    assert "1 left out, images that are not there: test/coco/lama/gone.png" in found.notes


def test_a_table_of_sagi_leads_to_no_file_outside(tmp_path: Path) -> None:
    make(tmp_path, ("secret.png",))
    root = tmp_path / "set"
    sagi(root)
    text = (root / "sagid.csv").read_text()
    (root / "sagid.csv").write_text(
        text + f"../secret.png,m.png,s.png,test,x,,,\n{tmp_path}/secret.png,m,s,test,x,,,\n"
    )
    found = read_forgeries(root)
    assert all("secret" not in item.name for item in found.items)


def test_a_table_of_sagi_without_a_column(tmp_path: Path) -> None:
    (tmp_path / "sagid.csv").write_text("img_path,src_path\n")
    with pytest.raises(DataError, match=r"sagid\.csv: row 1: missing column 'mask_path'"):
        read_forgeries(tmp_path)


def test_two_originals_of_cocoglide_with_one_number_are_refused(tmp_path: Path) -> None:
    cocoglide(tmp_path)
    image(tmp_path / "real/dog_7.png")
    with pytest.raises(DataError, match="COCO image 7 is there twice"):
        read_forgeries(tmp_path)


def test_a_folder_of_imd2020_with_two_originals_is_none(tmp_path: Path) -> None:
    make(tmp_path, ("a/1_orig.jpg", "a/1.jpg", "a/2_orig.jpg", "a/2.jpg"),
         ("a/1_mask.png", "a/2_mask.png"))  # fmt: skip
    found = read_forgeries(tmp_path)
    assert found.layout == "pairs"
    assert found.groups == 2
