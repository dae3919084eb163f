# Compiler options of all our own code, in one INTERFACE target.
add_library(bearerd_options INTERFACE)
target_compile_options(bearerd_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
  # gcc 12 takes a coroutine frame's own operator new, once inlined, for somebody else's.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  $<$<BOOL:${BEARERD_WERROR}>:-Werror>
  -fstack-protector-strong)
target_include_directories(bearerd_options INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(bearerd_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY
  # Asio hands a freed frame to whoever comes next, however small: an idle client would live in frames of requests.
  BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING
  # It keeps but two freed operations a thread, and each waiting socket has one.
  BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16
  $<$<BOOL:${BEARERD_PUBLIC_ASIO}>:BEARERD_PUBLIC_ASIO>)

if(BEARERD_SANITIZE)
  target_compile_definitions(bearerd_options INTERFACE BEARERD_SANITIZED)
  target_compile_options(bearerd_options INTERFACE
    -fsanitize=${BEARERD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    # Instrumented, gcc sees uninitialised members in std::regex, impossible sizes in std::string and others that are not
    # there. Every other warning counts.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
    # clang 14 can't place the function signatures of coroutines ("difference across sections").
    $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
  target_link_options(bearerd_options INTERFACE -fsanitize=${BEARERD_SANITIZE})
  # Asio's handlers end in a fence, which gcc's thread sanitizer does not follow; nothing of ours leans on it.
  # No generator expression: the list of sanitizers may hold a comma.
  if(BEARERD_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(bearerd_options INTERFACE -Wno-tsan)
  endif()
else()
  target_compile_options(bearerd_options INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
if(BEARERD_FUZZ)
  # Coverage instrumentation everywhere; the fuzz targets add the driver when they link.
  target_compile_options(bearerd_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Hardening that a daemon on a till should not go without.
# All our code ends in programs, so PIE will do; asked for here, not by CMake, which would compile libraries otherwise
# than programs, so that they could not share a precompiled header.
target_compile_options(bearerd_options INTERFACE -fPIE)
target_link_options(bearerd_options INTERFACE -pie -Wl,-z,relro,-z,now)
# A third of what templates leave behind is never called; it would be mapped into memory all the same.
target_compile_options(bearerd_options INTERFACE
  $<$<NOT:$<CONFIG:Debug>>:-ffunction-sections> $<$<NOT:$<CONFIG:Debug>>:-fdata-sections>)
target_link_options(bearerd_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:-Wl,--gc-sections>)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # A precompiled header is cached only when ccache is told what we promise about it. Paths are relative to the checkout,
  # so that another one of the same code finds everything.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(bearerd_options INTERFACE -fpch-preprocess)
  else()
    target_compile_options(bearerd_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()
