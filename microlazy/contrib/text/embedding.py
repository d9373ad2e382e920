"""Vectors of words, read from files in the formats that GloVe and fastText are published in."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as onp

from microlazy import ndarray as nd
from microlazy.base import ArgumentError, data_dir
from microlazy.core.tensor import Tensor
from microlazy.registry import get_create_func, get_register_func

from .vocab import Vocabulary

__all__ = [
    "CompositeEmbedding",
    "CustomEmbedding",
    "FastText",
    "GloVe",
    "create",
    "get_pretrained_file_names",
    "register",
]

_GLOVE = tuple(
    f"glove.{kind}d.txt"
    for kind in (
        *("42B.300", "6B.50", "6B.100", "6B.200", "6B.300", "840B.300"),
        *("twitter.27B.25", "twitter.27B.50", "twitter.27B.100", "twitter.27B.200"),
    )
)
_LANGUAGES = """
aa ab ace ady af ak als am ang an arc ar arz ast as av ay azb az bar bat_smg ba bcl be bg bh bi
bjn bm bn bo bpy br bs bug bxr ca cbk_zam cdo ceb ce cho chr ch chy ckb co crh cr csb cs cu cv
cy da de diq dsb dv dz ee el eml en eo es et eu ext fa ff fiu_vro fi fj fo frp frr fr fur fy gag
gan ga gd glk gl gn gom got gu gv hak ha haw he hif hi ho hr hsb ht hu hy hz ia id ie ig ii ik
ilo io is it iu jam ja jbo jv kaa kab ka kbd kg ki kj kk kl km kn koi ko krc kr ksh ks ku kv kw
ky lad la lbe lb lez lg lij li lmo ln lo lrc ltg lt lv mai map_bms mdf mg mhr mh min mi mk ml mn
mo mrj mr ms mt multi.ar multi.bg multi.ca multi.cs multi.da multi.de multi.el multi.en multi.es
multi.et multi.fi multi.fr multi.he multi.hr multi.hu multi.id multi.it multi.mk multi.nl
multi.no multi.pl multi.pt multi.ro multi.ru multi.sk multi.sl multi.sv multi.tr multi.uk
multi.vi mus mwl my myv mzn nah nap na nds_nl nds ne new ng nl nn no nov nrm nso nv ny oc olo om
or os pag pam pap pa pcd pdc pfl pih pi pl pms pnb pnt ps pt qu rm rmy rn roa_rup roa_tara ro
rue ru rw sah sa scn sco sc sd se sg sh simple si sk sl sm sn so sq srn sr ss stq st su sv sw
szl ta tcy tet te tg th ti tk tl tn to tpi tr ts tt tum tw ty tyv udm ug uk ur uz vec vep ve vi
vls vo war wa wo wuu xal xh xmf yi yo za zea zh_classical zh_min_nan zh zh_yue zu
"""
_FASTTEXT = (
    "crawl-300d-2M.vec",
    *(f"wiki.{language}.vec" for language in _LANGUAGES.split()),
    "wiki-news-300d-1M-subword.vec",
    "wiki-news-300d-1M.vec",
)


class _TokenEmbedding(Vocabulary):
    """A vocabulary with a vector for each token."""

    def __init__(self, vectors: onp.ndarray, vocabulary: Vocabulary, tokens: list[Any]) -> None:
        super().__init__(
            unknown_token=vocabulary.unknown_token, reserved_tokens=vocabulary.reserved_tokens
        )
        self._idx_to_token = tokens
        self._token_to_idx = {token: i for i, token in enumerate(tokens)}
        self._idx_to_vec: nd.NDArray = nd.array(vectors)

    @property
    def idx_to_vec(self) -> nd.NDArray:
        """The vectors, a row for each token."""
        return self._idx_to_vec

    @property
    def vec_len(self) -> int:
        """The length of a vector."""
        return self._idx_to_vec.shape[1]

    def get_vecs_by_tokens(
        self, tokens: str | list[str], lower_case_backup: bool = False
    ) -> Tensor:
        """The vector of a token, or a row for each in a list; the unknown one's if it is not there.

        Parameters
        ----------
        tokens : str or list of str
        lower_case_backup : bool
            Look for a token in small letters if it is not there as it stands.

        Returns
        -------
        NDArray
            Shape (`vec_len`,), or (number of tokens, `vec_len`).
        """
        wanted = [tokens] if isinstance(tokens, str) else tokens
        if lower_case_backup:
            wanted = [t if t in self.token_to_idx else t.lower() for t in wanted]
        rows = nd.take(self.idx_to_vec, nd.array(self.to_indices(list(wanted)), dtype="int32"))
        return rows[0] if isinstance(tokens, str) else rows

    def update_token_vectors(self, tokens: str | list[str], new_vectors: Tensor) -> None:
        """Replace vectors.

        Parameters
        ----------
        tokens : str or list of str
        new_vectors : NDArray
            Shape (number of tokens, `vec_len`); for one token (`vec_len`,) will do.

        Raises
        ------
        ArgumentError
            If the shape does not fit.
        ValueError
            If a token is not there; nothing is changed then. The unknown one goes by its name.
        """
        wanted = tokens if isinstance(tokens, list) else [tokens]
        shape = (len(wanted), self.vec_len)
        if new_vectors.shape != shape and (len(wanted) != 1 or new_vectors.shape != shape[1:]):
            raise ArgumentError(
                f"`new_vectors` must have the shape {shape} for {len(wanted)} tokens, "
                f"not {new_vectors.shape}."
            )
        for token in wanted:
            if token not in self.token_to_idx:
                raise ValueError(
                    f"Token {token} is unknown. To update the embedding vector for an unknown "
                    f"token, name the `unknown_token` {self.unknown_token} itself."
                )
        self._idx_to_vec[self.to_indices(wanted)] = new_vectors.reshape(shape)


register = get_register_func(_TokenEmbedding, "token embedding")
_create = get_create_func(_TokenEmbedding, "token embedding")


def create(embedding_name: str, **kwargs: Any) -> Any:
    """Make an embedding by its name.

    Parameters
    ----------
    embedding_name : str
        "glove", "fasttext", or one that was registered.
    **kwargs
        Arguments of its class.

    Examples
    --------
    >>> from microlazy.contrib import text
    >>> try:
    ...     text.embedding.create("glove", pretrained_file_name="glove.1B.txt")
    ... except KeyError as error:
    ...     print(str(error)[:60])
    "Cannot find pretrained file glove.1B.txt for token embeddin
    """
    return _create(embedding_name, **kwargs)


def get_pretrained_file_names(embedding_name: str | None = None) -> Any:
    """The names of the files that are published.

    Parameters
    ----------
    embedding_name : str, optional
        "glove" or "fasttext", for a list; by default a dictionary of both.

    Raises
    ------
    KeyError
        If there is no such embedding.

    Examples
    --------
    >>> from microlazy.contrib import text
    >>> text.embedding.get_pretrained_file_names("glove")[:2]
    ['glove.42B.300d.txt', 'glove.6B.50d.txt']
    """
    names = {"glove": list(_GLOVE), "fasttext": list(_FASTTEXT)}
    if embedding_name is None:
        return names
    if embedding_name not in names:
        raise KeyError(f"Cannot find `embedding_name` {embedding_name}; there are {list(names)}.")
    return names[embedding_name]


def _read(path: str | os.PathLike[str], delimiter: str, encoding: str) -> dict[str, onp.ndarray]:
    """The vectors of a text file by their tokens, a line each."""
    vectors: dict[str, onp.ndarray] = {}
    length = 0
    with open(path, encoding=encoding) as file:
        for number, line in enumerate(file, 1):
            token, *numbers = line.rstrip().split(delimiter)
            where = f"{path}, line {number}"
            if len(numbers) < 2:
                if numbers or token:
                    warnings.warn(
                        f"{where}: {token!r} has no vector, so it is left out", stacklevel=3
                    )
                continue
            try:
                vector = onp.array(numbers, "float32")
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
            if length and len(vector) != length:
                raise ArgumentError(
                    f"{where}: the vector of {token!r} has {len(vector)} numbers, those before "
                    f"have {length}."
                )
            length = len(vector)
            if token in vectors:
                warnings.warn(f"{where}: {token!r} has a vector already, which stays", stacklevel=3)
            else:
                vectors[token] = vector
    if not length:
        raise ValueError(f"{path} holds no vectors: a line is a token and its numbers")
    return vectors


class CustomEmbedding(_TokenEmbedding):
    """Vectors from a text file: in each line a token and its numbers.

    Parameters
    ----------
    pretrained_file_path : path
    elem_delim : str
        What stands between the token and the numbers.
    encoding : str
        Of the file.
    init_unknown_vec : callable
        Makes the unknown token's vector from a shape, if the file has none.
    vocabulary : Vocabulary, optional
        The tokens to have vectors for; by default all that the file has.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is none of vectors, or they differ in length; the line is named.

    Warns
    -----
    UserWarning
        For lines without a vector and tokens that come twice; both are left out.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from microlazy.contrib import text
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "vectors.txt"
    >>> size = path.write_text("good 1 2\\nbad 3 4\\n")
    >>> vectors = text.embedding.CustomEmbedding(path)
    >>> vectors.idx_to_token
    ['<unk>', 'good', 'bad']
    >>> vectors.get_vecs_by_tokens(["bad", "what"]).asnumpy().tolist()
    [[3.0, 4.0], [0.0, 0.0]]
    """

    def __init__(
        self,
        pretrained_file_path: str | os.PathLike[str],
        elem_delim: str = " ",
        encoding: str = "utf8",
        init_unknown_vec: Callable[..., Tensor] = nd.zeros,
        vocabulary: Vocabulary | None = None,
        **kwargs: Any,
    ) -> None:
        if vocabulary is None:
            vocabulary, tokens = Vocabulary(**kwargs), None
        else:
            tokens = vocabulary.idx_to_token
        vectors = _read(pretrained_file_path, elem_delim, encoding)
        length = len(next(iter(vectors.values())))
        unknown = vectors.get(str(vocabulary.unknown_token))
        if unknown is None:
            unknown = init_unknown_vec(shape=(length,)).asnumpy()
        if tokens is None:
            special = vocabulary.idx_to_token
            tokens = [*special, *(token for token in vectors if token not in special)]
        rows = [vectors.get(token, unknown) for token in tokens]
        super().__init__(onp.stack(rows), vocabulary, list(tokens))


class _Published(CustomEmbedding):
    """Vectors from a published file, in a folder of this machine; nothing is downloaded."""

    names: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        pretrained_file_name: str,
        embedding_root: str | os.PathLike[str] | None = None,
        init_unknown_vec: Callable[..., Tensor] = nd.zeros,
        vocabulary: Vocabulary | None = None,
        **kwargs: Any,
    ) -> None:
        kind = type(self).__name__.lower()
        if pretrained_file_name not in self.names:
            raise KeyError(
                f"Cannot find pretrained file {pretrained_file_name} for token embedding {kind}. "
                f"get_pretrained_file_names({kind!r}) lists those that are published."
            )
        root = os.path.join(data_dir(), "embeddings") if embedding_root is None else embedding_root
        folder = os.path.join(os.path.expanduser(root), kind)
        path = os.path.join(folder, pretrained_file_name)
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f"{pretrained_file_name} is not in {folder}: put it there. Nothing is downloaded"
            )
        super().__init__(path, init_unknown_vec=init_unknown_vec, vocabulary=vocabulary, **kwargs)


@register
class GloVe(_Published):
    """GloVe's vectors (Pennington, Socher & Manning 2014), from a file of this machine.

    Parameters
    ----------
    pretrained_file_name : str
        The file, in the folder ``glove`` below `embedding_root`.
    embedding_root : path, optional
        By default ``embeddings`` in `mx.base.data_dir()`.
    init_unknown_vec, vocabulary
        As for `CustomEmbedding`.

    Raises
    ------
    KeyError
        If no file of that name is published.
    FileNotFoundError
        If it is not there.

    Examples
    --------
    >>> import tempfile
    >>> from microlazy.contrib import text
    >>> try:
    ...     text.embedding.GloVe("glove.6B.50d.txt", tempfile.mkdtemp())
    ... except FileNotFoundError as error:
    ...     print(str(error).split(" is not in ")[0])
    glove.6B.50d.txt
    """

    names = _GLOVE

    def __init__(
        self, pretrained_file_name: str = "glove.840B.300d.txt", *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(pretrained_file_name, *args, **kwargs)


@register
class FastText(_Published):
    """fastText's vectors (Bojanowski et al. 2017), from a file of this machine.

    Its arguments are those of `GloVe`; its folder is ``fasttext``.

    Examples
    --------
    >>> from microlazy.contrib import text
    >>> len(text.embedding.FastText.names)
    327
    """

    names = _FASTTEXT

    def __init__(
        self, pretrained_file_name: str = "wiki.simple.vec", *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(pretrained_file_name, *args, **kwargs)


class CompositeEmbedding(_TokenEmbedding):
    """Vectors of several embeddings, one after the other.

    Parameters
    ----------
    vocabulary : Vocabulary
        The tokens to have vectors for.
    token_embeddings : embedding or list of them

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from collections import Counter
    >>> from microlazy.contrib import text
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "vectors.txt"
    >>> size = path.write_text("good 1 2\\nbad 3 4\\n")
    >>> one = text.embedding.CustomEmbedding(path)
    >>> words = text.vocab.Vocabulary(Counter(["good"]))
    >>> text.embedding.CompositeEmbedding(words, [one, one]).idx_to_vec.asnumpy().tolist()
    [[0.0, 0.0, 0.0, 0.0], [1.0, 2.0, 1.0, 2.0]]
    """

    def __init__(self, vocabulary: Vocabulary, token_embeddings: Any) -> None:
        several: Sequence[_TokenEmbedding] = (
            token_embeddings if isinstance(token_embeddings, list) else [token_embeddings]
        )
        tokens = vocabulary.idx_to_token
        parts = [each.get_vecs_by_tokens(tokens).asnumpy() for each in several]
        super().__init__(onp.concatenate(parts, axis=1), vocabulary, list(tokens))
