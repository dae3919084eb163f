# Compiler options of all our own code, in one INTERFACE target.
add_library(bearerd_options INTERFACE)
target_compile_options(bearerd_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
  # gcc 12 warns about an inlined operator new of a coroutine frame as if it did not match the delete.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  $<$<BOOL:${BEARERD_WERROR}>:-Werror>
  -fstack-protector-strong)
target_include_directories(bearerd_options INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(bearerd_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY
  # Asio gives a freed frame to any later request of memory, however small: idle clients would live in requests' frames.
  BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING
  # Asio keeps only two freed operations per thread, but each waiting socket has one.
  BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16
  $<$<BOOL:${BEARERD_PUBLIC_ASIO}>:BEARERD_PUBLIC_ASIO>)

# Line numbers are enough for those who only run the tests, and take a sixth less time than all of a debugger's information.
target_compile_options(bearerd_options INTERFACE $<$<AND:$<BOOL:${BEARERD_UNITY}>,$<CONFIG:Debug>>:-g1>)

# gcc collects garbage as if memory were scarce: with a gigabyte before it does so, a large file takes a tenth less time.
target_compile_options(bearerd_options INTERFACE
  "$<$<AND:$<BOOL:${BEARERD_UNITY}>,$<CXX_COMPILER_ID:GNU>,$<CONFIG:Debug>>:SHELL:--param ggc-min-expand=400 --param ggc-min-heapsize=1048576>")

if(BEARERD_SANITIZE)
  target_compile_definitions(bearerd_options INTERFACE BEARERD_SANITIZED)
  target_compile_options(bearerd_options INTERFACE
    -fsanitize=${BEARERD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
    # With instrumentation, gcc reports uninitialised members in std::regex, impossible sizes in std::string and other
    # false problems. Every other warning counts.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
    # clang 14 can't place the function signatures of coroutines ("difference across sections"). Its check of types needs
    # a descriptor, and reports falsely where a test leaves none.
    $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function,vptr>)
  target_link_options(bearerd_options INTERFACE -fsanitize=${BEARERD_SANITIZE})
  # Asio's handlers end in a fence, which gcc's thread sanitizer does not follow. None of our code relies on it.
  # No generator expression: the list of sanitizers may hold a comma.
  if(BEARERD_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(bearerd_options INTERFACE -Wno-tsan)
  endif()
else()
  target_compile_options(bearerd_options INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()

# Hardening that a daemon on a till should not go without.
# All our code ends in programs, so PIE is enough. It is requested here and not by CMake, which would compile libraries
# differently from programs, so that they could not share a precompiled header.
target_compile_options(bearerd_options INTERFACE -fPIE)
target_link_options(bearerd_options INTERFACE -pie -Wl,-z,relro,-z,now)
# A third of the code that templates generate is never called, but would be mapped into memory.
target_compile_options(bearerd_options INTERFACE
  $<$<NOT:$<CONFIG:Debug>>:-ffunction-sections> $<$<NOT:$<CONFIG:Debug>>:-fdata-sections>)
target_link_options(bearerd_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:-Wl,--gc-sections>)

# A request passes through all modules, and its cost depends above all on how much code it touches. Optimised as a whole,
# that is a tenth less, and a balance check takes some 5 % less time at one connection.
# The link takes one to four minutes for it; -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF avoids that.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE MATCHES "^Rel" AND NOT BEARERD_SANITIZE
   AND NOT DEFINED CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc's limit of 40 % growth is meant for larger programs: with it, small functions are called that would be inlined
  # otherwise. All functions of libraries are resolved at the start (-z now), so a call needs no stub that does it later.
  target_compile_options(bearerd_options INTERFACE "SHELL:--param inline-unit-growth=200" -fno-plt)
  # gcc 12 names a coroutine frame's members differently in each file, and then reports a coroutine in a header as defined
  # in two ways. This also hides a type that really is.
  target_link_options(bearerd_options INTERFACE -Wno-odr)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # ccache caches a precompiled header only if we declare what it may ignore. Paths are relative to the checkout, so
  # that another checkout of the same code finds everything.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(bearerd_options INTERFACE -fpch-preprocess)
  else()
    target_compile_options(bearerd_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()
