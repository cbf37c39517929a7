"""libxml2 without anything in between."""

import ctypes
import ctypes.util

_name = ctypes.util.find_library("xml2")
assert _name, "libxml2 is missing; it comes with xmlsec1: tools/setup.sh xmlsec"
_lib = ctypes.CDLL(_name)
_pointer = ctypes.c_void_p
for _function, _result in (
    ("xmlReadMemory", _pointer),
    ("xmlXPathNewContext", _pointer),
    ("xmlXPathEvalExpression", _pointer),
    ("xmlC14NDocDumpMemory", ctypes.c_int),
    ("xmlParseURI", _pointer),
):
    getattr(_lib, _function).restype = _result
_lib.xmlParseURI.argtypes = [ctypes.c_char_p]
for _function in ("xmlFreeURI", "xmlFreeDoc", "xmlXPathFreeContext", "xmlXPathFreeObject"):
    getattr(_lib, _function).argtypes = [_pointer]
    getattr(_lib, _function).restype = None
_lib.xmlReadMemory.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
_lib.xmlXPathNewContext.argtypes = [_pointer]
_lib.xmlXPathEvalExpression.argtypes = [ctypes.c_char_p, _pointer]
_lib.xmlC14NDocDumpMemory.argtypes = [
    _pointer,
    _pointer,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_char_p),
    ctypes.c_int,
    ctypes.POINTER(_pointer),
]
_free = ctypes.cast(_pointer.in_dll(_lib, "xmlFree"), ctypes.c_void_p).value
_free = ctypes.CFUNCTYPE(None, _pointer)(_free)
# No errors, no warnings, no network; the five entities resolved in namespace names too, where it would else keep `&#38;`.
_OPTIONS = 2 | 32 | 64 | 2048

INCLUSIVE, EXCLUSIVE = 0, 1
_ROOT = b"/*"


class Document:
    """A document that libxml2 has read; `None` is what it does not take."""

    def __init__(self, octets: bytes):
        self._document = _lib.xmlReadMemory(octets, len(octets), None, None, _OPTIONS)
        self.well_formed = self._document is not None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._document is not None:
            _lib.xmlFreeDoc(self._document)

    def canonical(self, mode: int, comments: bool, at: str | None = None, prefixes: list[str] = ()) -> bytes | None:
        """The canonical form of the root, or of the element with this `ID`, as a signature would have it."""
        apex = _ROOT if at is None else b"//*[@ID='%s']" % at.encode()
        within = apex + b"/descendant-or-self::"
        nodes = b"%snode() | %s*/@* | %s*/namespace::*" % (within, within, within)
        context = _lib.xmlXPathNewContext(self._document)
        found = _lib.xmlXPathEvalExpression(nodes, context)
        assert found, nodes
        # struct _xmlXPathObject { xmlXPathObjectType type; xmlNodeSetPtr nodesetval; …
        chosen = ctypes.cast(found + 8, ctypes.POINTER(_pointer))[0]
        listed = (ctypes.c_char_p * (len(prefixes) + 1))(*[prefix.encode() for prefix in prefixes], None)
        out = _pointer()
        length = _lib.xmlC14NDocDumpMemory(
            self._document, chosen, mode, listed if prefixes else None, int(comments), ctypes.byref(out)
        )
        text = ctypes.string_at(out, length) if length >= 0 and out else None
        if out:
            _free(out)
        _lib.xmlXPathFreeObject(found)
        _lib.xmlXPathFreeContext(context)
        return text


def is_uri(name: bytes) -> bool:
    """Whether libxml2 takes this for a URI."""
    if found := _lib.xmlParseURI(name):
        _lib.xmlFreeURI(found)
    return found is not None
