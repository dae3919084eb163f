find_package(Threads REQUIRED)
# By Boost's own package files, because newer CMakes warn about their own module for it.
set(Boost_USE_STATIC_LIBS ON) # we use a tenth of Boost.URL; a shared library would be mapped as a whole
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS url)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(fmt 9.1 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SYSTEMD REQUIRED libsystemd) # its header; the library is loaded at run time

# yaml-cpp from its static library and fmt from its headers. Their shared libraries have another name in each release of
# Debian, so a package linked to them could be installed on one release only.
find_library(YAML_CPP_LIBRARY NAMES libyaml-cpp.a yaml-cpp REQUIRED)
add_library(bearerd_yaml INTERFACE)
target_link_libraries(bearerd_yaml INTERFACE ${YAML_CPP_LIBRARY})
# hiredis likewise: only its reader, which does no I/O.
find_library(HIREDIS_LIBRARY NAMES libhiredis.a hiredis REQUIRED)
find_path(HIREDIS_INCLUDE_DIR hiredis/read.h REQUIRED)
add_library(bearerd_hiredis INTERFACE)
target_link_libraries(bearerd_hiredis INTERFACE ${HIREDIS_LIBRARY})
target_include_directories(bearerd_hiredis SYSTEM INTERFACE ${HIREDIS_INCLUDE_DIR})
add_library(bearerd_spdlog INTERFACE)
target_compile_definitions(bearerd_spdlog INTERFACE SPDLOG_FMT_EXTERNAL)
target_link_libraries(bearerd_spdlog INTERFACE fmt::fmt-header-only Threads::Threads)

if(BUILD_TESTING)
  find_package(GTest 1.12 REQUIRED)
  find_package(benchmark QUIET)
endif()
