"""How Sphinx makes the documentation site: `python -m sphinx docs build/site`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "extensions"))

import microlazy  # noqa: E402

project = "microlazy"
author = "the authors of microlazy"
version = release = microlazy.__version__
html_title = f"microlazy {release}"

extensions = [
    "sphinx.ext.autodoc",
    "numpydoc",
    "myst_parser",
    "api_pages",
    "error_messages",
    "lessons",
    "repository_pages",
    "site_links",
]
exclude_patterns = ["extensions", "project/front.md"]
suppress_warnings = ["myst.header"]  # the front page takes up README below its title
root_doc = "index"
nitpicky = True
nitpick_ignore = [("py:class", "Scope")]  # what Cython says that autograd.record() returns

myst_heading_anchors = 4

# Signatures show names and defaults; the types stand in the table of parameters.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
add_module_names = False
python_display_short_literal_types = True
maximum_signature_line_length = 88
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
default_role = "code"
toc_object_entries_show_parents = "hide"

pygments_dark_style = "github-dark"  # that of furo underlines the names of modules
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5a8a", "color-brand-content": "#1f5a8a"},
    "dark_css_variables": {"color-brand-primary": "#7fb8e6", "color-brand-content": "#7fb8e6"},
}
