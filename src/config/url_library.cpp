// Boost.URL, compiled into us: of its shared library we would use a tenth and map all.
#include <boost/url/src.hpp>
