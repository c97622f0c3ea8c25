"""Nothing that comes out of a data or result file is run, and nothing that is committed tells about a machine."""

import ast
import re

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from labelbook import chapters, resources

ROOT = resources.checkout()
SCRIPTS = [ROOT / "hatch_build.py", *(ROOT / "src").rglob("*.py"), *(ROOT / "book").rglob("*.py")]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))

# What may run, or write, what it reads; each with the places where it stands and is looked after.
KNOWN = {
    ("exec", "chapters.py"): "method cells, which are the book's own code",
    ("pickle", "planetoid.py"): "after the checksum, by a reader that builds arrays and nothing else",
    ("yaml.load", "chapters.py"): "with a safe loader",
    ("known_hash=None", "cifar.py"): "GitHub's archive has no fixed bytes; what is made of it has, and is checked",
}
RUNS_WHAT_IT_READS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
UNPACKS = {"extractall", "extract", "unpack_archive", "read_pickle", "to_pickle"}


def called(node: ast.Call) -> str:
    """`eval`, `torch.load`: the name that is called, as far as it is one."""
    return ast.unparse(node.func) if isinstance(node.func, (ast.Name, ast.Attribute)) else ""


def dangers(source: str) -> set[str]:
    """Everything in a source that could run what it reads, or write where an archive says."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = [getattr(node, "module", None) or ""] + [alias.name for alias in node.names]
            found |= {name.split(".")[0] for name in module} & RUNS_WHAT_IT_READS
        if not isinstance(node, ast.Call):
            continue
        name, given = called(node), {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        found |= {name} & {"eval", "exec", "compile_command", "os.system", "os.popen"}
        found |= {name.rpartition(".")[2]} & UNPACKS
        found |= {"shell=True"} if given.get("shell") == "True" else set()
        found |= {"known_hash=None"} if given.get("known_hash") == "None" else set()
        found |= {name} if name == "torch.load" and given.get("weights_only") != "True" else set()
        found |= {name} if name in ("np.load", "numpy.load") and given.get("allow_pickle") != "False" else set()
        found |= {name} if re.fullmatch(r"yaml\.(load|load_all|unsafe_load|full_load)", name) else set()
        found |= {name} if re.fullmatch(r"(torch\.)?hub\.load", name) else set()
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from pickle import loads", "import joblib.numpy_pickle", "eval('1')", "exec(x)", "os.system(x)",
        "torch.load(path)", "torch.load(path, weights_only=False)", "np.load(path)", "np.load(path, allow_pickle=True)",
        "yaml.load(text, Loader=yaml.Loader)", "yaml.unsafe_load(text)", "subprocess.run(x, shell=True)",
        "zipfile.ZipFile(x).extractall(y)", "shutil.unpack_archive(x)", "pd.read_pickle(x)", "torch.hub.load('a', 'b')",
        "pooch.retrieve(url, known_hash=None)",
    ],
)  # fmt: skip
def test_the_scan_finds(source):
    assert dangers(source)


def test_the_scan_lets_through_what_is_harmless():
    assert not dangers(
        "model.eval()\nnp.load(p, allow_pickle=False)\ntorch.load(p, weights_only=True)\nyaml.safe_load(t)"
    )


def test_no_script_runs_what_it_reads_but_in_known_places():
    found = {(danger, path.name) for path in SCRIPTS for danger in dangers(path.read_text(encoding="utf-8"))}
    assert found == set(KNOWN)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_notebook_runs_what_it_reads(path):
    for source in chapters.code_cells(chapters.read_notebook(path)):
        assert dangers(TransformerManager().transform_cell(source)) == set()


# Absolute paths of homes and machines, keys of the usual services, and what calls itself a secret.
PRIVATE = re.compile(
    r"/(?:home|root|Users|work)/\w|/tmp/\w|[A-Z]:\\\\?Users|(?:site|dist)-packages"
    r"|AKIA[0-9A-Z]{16}|\bgh[pousr]_\w{30}|github_pat_\w{20}|\bhf_[A-Za-z]{30}|\bsk-\w{20}|\bxox[abpr]-\w{10}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|(?i:\b(?:password|passwd|secret_key|api_key|access_token)\b\W{1,4}[=:]\W{0,3}\w)"
)


@pytest.mark.parametrize(
    "text",
    [
        '"/home/somebody/data"', r"C:\\Users\\somebody", "ghp_" + "a" * 36, "AKIA" + "A1B2" * 4, 'api_key = "abc"',
        "-----BEGIN RSA PRIVATE KEY-----", "hf_" + "x" * 34, '\\"password\\": \\"abc\\"',
    ],
)  # fmt: skip
def test_the_scan_finds_what_is_private(text):
    assert PRIVATE.search(text)


def test_no_committed_notebook_or_record_holds_a_secret_or_a_path_of_a_machine():
    files = [*NOTEBOOKS, *(ROOT / "data" / "results").rglob("*.json"), *(ROOT / "tests" / "vectors").glob("*.json")]
    assert len(files) > 40
    found = {
        str(f.relative_to(ROOT)): match[0] for f in files if (match := PRIVATE.search(f.read_text(encoding="utf-8")))
    }
    assert found == {}
