# Toolchain file: builds for arm64 on another Debian machine, with Debian's cross compiler and its arm64 libraries,
# which are installed next to the machine's own (scripts/cross-arm64).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
# Runs programs by name, without the kernel's help, also to list their tests.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
# Packages that pkg-config finds on the machine itself have the wrong architecture.
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
