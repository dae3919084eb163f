#pragma once

#include <bearerd/base/descriptor.hpp>
#include <bearerd/base/error.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

/// System calls on files. They block, any thread may call them, and their errors are those of errno.
namespace bearerd {

[[nodiscard]] Result<Descriptor> open_folder(const std::string& path);

/// The same; makes the folder (0700) if it is missing.
[[nodiscard]] Result<Descriptor> make_folder(const std::string& path);

/// Makes a file (0600), open for writing. Fails with EEXIST if the name is taken.
[[nodiscard]] Result<Descriptor> make_file(const Descriptor& folder, const std::string& name);

/// Writes all bytes at the file's position. After an error a part of them may be written.
[[nodiscard]] error_code write_all(const Descriptor& file, std::string_view bytes) noexcept;

/// Writes a whole file (0600) to the disk as `temporary` and then gives it its name, so that nobody reads
/// half of it. It replaces a file of that name; if `replace` is false, it leaves that file. `temporary` is a
/// name in the same folder: EEXIST if it is taken, and free again afterwards.
[[nodiscard]] error_code write_file(const Descriptor& folder, const std::string& name,
                                    const std::string& temporary, std::string_view bytes,
                                    bool replace = true);

/// Reads until the file ends or the buffer is full. Returns how many bytes it has read.
[[nodiscard]] Result<std::size_t> read_all(const Descriptor& file, std::span<char> buffer) noexcept;

/// Returns what tells this start of the machine from others; empty if the kernel does not say.
[[nodiscard]] const std::string& boot_id();

} // namespace bearerd
