"""What git calls each file of ProductQA at the pinned commit: the group's questions, its products, their features."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.data import Source

SOURCE = Source("bytarnish/AGILE", "8213312983e8ba6787fd854b87d83b2776166884", "Apache-2.0")
FILES = ("qa.jsonl", "metadata.json", "schema.json")
TRAIN: Mapping[str, tuple[str, str, str]] = {
    "blades": (
        "98c81913cd6925a6b625d6ea435c9ae58c56c82e",
        "4f4b81e99dfd7ac9cbb8af00a4e07acd74ff4864",
        "5e6b6937fda01bb1a4a7adf77b2ac35bb6fd2887",
    ),
    "blu_ray_players": (
        "71db15b4dd269804583770414986bcf883904729",
        "3e356eaf96d0b61281133dc85a61fdc40eea22bf",
        "3bcebc6fec44a5c1c8700bb6677f69005ae6c8c6",
    ),
    "camera_lenses": (
        "2f9ca0a55299964501fe7e637e1965beca7c3de4",
        "8481702d8310443f6e82adbd94f7b94f5b322cd9",
        "78c51e6cd0d5f8e4f2d180902c627f0aac986c55",
    ),
    "cell_phones": (
        "c9dc11bb0cc0fd255866f0db038c169ed796fe82",
        "91d5b81edeb9b4c8775379a87a9a96b2153cf037",
        "da2a754359545166b12073089c76c05f64adf527",
    ),
    "coffee_machines": (
        "49e879a38626a326614b2257bb2a8e167c0ee9f2",
        "2645673a5e1549e30fba6eb309b6a1d2b7ddcf53",
        "66facb4ef81a9ff046444b13fb77bf2749b0cc9f",
    ),
    "digital_scales": (
        "c47f658c04047b99f402cbb1207c3f05c1110179",
        "e14758e18b9ad8ce9065a856b0f727d5c371a6bb",
        "318753735c0071a4a257926c2086a628638bb116",
    ),
    "dresses": (
        "4a43ccf09ba3197a22f76cd6d3ca2cd2384b4b83",
        "e54a4c3b3babfd70669134453f04f0d9cf0a4284",
        "c0b17deb1ca4f3e59ec31a90d9c2d90a07913a2f",
    ),
    "everyday_bras": (
        "282cc50a0aa452832006497c5479b5ac56e6e07e",
        "b4338f15f27d2591596e7e4322a10a65e0968d75",
        "7f17c796d2efb691624166c209feb9309b52eb2a",
    ),
    "grips": (
        "4e8baaddf18674d2e19c7982534ef9366535f094",
        "f013fb12ef3c4625e55aaf13d928aac0d79a5f7b",
        "256a97ca40a87e0930709d1e36203e4445ee3321",
    ),
    "gun_holsters": (
        "a2d04d3a97bacd9a5089a31eb91aa84a0e180a68",
        "a20497484dea064c9f7955729a84eea9503c73ab",
        "319925052e576907b84057d9495096bd14e63689",
    ),
    "handheld_flashlights": (
        "856a6f2500ca4d324fed4e423c4bdc9698354feb",
        "36083ccd8627391a651ac8c45d15a0ebb82405ae",
        "5c122ec85f48e12871f109805b3a90ac50704478",
    ),
    "headlight_bulbs": (
        "7ef85cd6f2d9e24b541acdc42a3ce76dc06167b7",
        "e604bc6c1e7ee48bc830bdfa9ba8b22808b193b2",
        "588a329cf2113a14eeb6f498d19adaa937c4e6fc",
    ),
    "headphones": (
        "08f0e73753b78e383b4ceb6bd469a433bc141cd3",
        "9f2df11b43c25821597b80aabe0da50cfb49c73a",
        "46b072bf4b82d04b3b8f455909cbe09986810a00",
    ),
    "litter": (
        "cce5fd91fb997f98eecaeeed58fa8fb531ba0dca",
        "e7ab56596a8d1250cd9966814efe5ae8b7b2d4bf",
        "1b8573c9f4becb729d5545558b72664ed9c488f9",
    ),
    "mice": (
        "c0a9d3f528b6bf5ad0cb59b10b090076ad3513c0",
        "3e44051dc475663d0f2accee948633f37808fd82",
        "d1ccccf6504a4511e12e8a7e17123f63f1396ce6",
    ),
    "point_and_shoot_digital_cameras": (
        "85a4b667287f8dad086435f4ac07a1045d52da71",
        "6d238537a07162b0fdc0f4e1d1a924e98801e73d",
        "e36b635a63a5d2419382fe54d7d679730c4642dd",
    ),
    "portable_power_banks": (
        "26223001361cab7777a4e440e7fcb080e5a13ba9",
        "1403fa4d1ee81474ecd41489570b662ad824af2c",
        "b583f61fb386b09acf8e94e7f394e07bad71c29d",
    ),
    "printers": (
        "f9e600ffe673f829f5f5104d2ce3e398dc69a19a",
        "fd59174468d656e1782444cee47d1b04b2023ee6",
        "7a02eeda93ad4fffb3e03714b4184974b1038022",
    ),
    "space_heaters": (
        "360452fd0fd42e6cfb0819222cffa5a9a0ae1126",
        "64f0668a169bb32f291d8c2173da0bc80e24ca15",
        "6264298394232ff99f9fff96dc99659dbf8460a4",
    ),
    "wrist_watches": (
        "c47bd672f1eaba9b605c08737620c3c39d8ca26d",
        "65b1b040e289b477f4e93269b8ad60a8caddcb1e",
        "6dc00a1c08eb9136f7109cc47d1cfde4bc74766b",
    ),
}
TEST: Mapping[str, tuple[str, str, str]] = {
    "all_pans": (
        "426b9e1b706f4f905f1c9c2b1d20cf4e04ccf6b0",
        "af7f9362c5cdb8e406075cfa0e7ebb69b0bf70ef",
        "52bc33a6cf31cf528821bba0ec9b4b9ba4a6d9d0",
    ),
    "camera_cases": (
        "f9090c56ed1d75f51bfbf2819f8febf192cec375",
        "fb15d6f33f79cc60d408872d1c4de9f4bbb3d7cc",
        "1eccddc75d4a36041386cd4abd833e405053741a",
    ),
    "leggings": (
        "945e644bb850c184873d603263019dee5d62530d",
        "555bfd3308278274740b59aede6a04ff7a8e960a",
        "cb0d37aa871cc02dce69a937e441932498a14f26",
    ),
    "motherboards": (
        "06983b514d2ef3d2c11db6520b28ae1761bd26f4",
        "18ffe95e7e98f7647eaa06331707d7fbc45c3f96",
        "f945a67a12636a9c7a02aa99681117299f32e2ac",
    ),
    "rifle_scopes": (
        "df83e32523da879d1beb4f0a1c40d7fec0e55b98",
        "20c2edce6f2ca814adf87f7d3a5ffc491d9ecb2f",
        "909557e862b2e243a11172021900843b7dc6abbe",
    ),
    "rollerball_pens": (
        "bcad5e1eacdd50caacff6dd09d41be77fc2e9ef2",
        "d611355814b5f4c8c8bdd677842a91a9bef366b5",
        "f5a48624d30965c0b6c256da3cb7fd2ab770aa3c",
    ),
}
