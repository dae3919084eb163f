# bearerd_module(NAME [PCH] [USES module...] [LINK library...] [ALONE file...])
#
# Adds a static library for each module of ARCHITECTURE.md: src/NAME/*.cpp with the headers of include/bearerd/NAME.
# USES names the modules below it that it may include. Other modules are not linked, so a wrong dependency does not
# build. PCH uses the shared precompiled header (Asio and Beast).
#
# With BEARERD_UNITY several files of a module are compiled as one: the templates of Asio are then instantiated once for all
# of them, which takes about half the time. Files of a module must not define the same name in an unnamed namespace then.
# ALONE lists the files (without .cpp) that are left out of that: the ledger test's broken daemons replace one of their
# functions, which must not be inlined.
function(bearerd_module name)
  cmake_parse_arguments(ARG "PCH" "" "USES;LINK;ALONE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  set(target bearerd_${name})
  set(visibility PUBLIC)
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/${name})
    if(BEARERD_UNITY)
      set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${BEARERD_UNITY_BATCH})
      # gcc takes the unnamed namespace of an included file for that of a header.
      target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
      if(BUILD_TESTING)
        foreach(file IN LISTS ARG_ALONE)
          set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/${name}/${file}.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
        endforeach()
      endif()
    endif()
    if(ARG_PCH)
      target_precompile_headers(${target} REUSE_FROM bearerd_asio)
    endif()
  else() # headers only
    add_library(${target} INTERFACE)
    set(visibility INTERFACE)
  endif()
  target_link_libraries(${target} ${visibility} bearerd_options ${ARG_LINK})
  foreach(module IN LISTS ARG_USES)
    target_link_libraries(${target} ${visibility} bearerd_${module})
  endforeach()
endfunction()
