#include "instrument/remembered.h"

#include "files/json_text.h"
#include "files/text_file.h"
#include "procedure/calibration.h"

#include <system_error>
#include <utility>
#include <variant>

namespace lowleg::instrument {
namespace {

using files::Json;

constexpr const char* schema = "lowleg.window/1";
constexpr std::size_t most_bytes = 1U << 20U;

Json texts(const std::map<std::string, std::string>& from)
{
    auto out = Json::object();
    for (const auto& [name, text] : from) out.add(name, text);
    return out;
}

/// Members that are texts; what else there may be is left out.
std::map<std::string, std::string> texts(const Json* from)
{
    std::map<std::string, std::string> out;
    const auto* members = from == nullptr ? nullptr : std::get_if<Json::Object>(&from->value());
    if (members == nullptr) return out;
    for (const auto& [name, value] : *members)
        if (const auto text = value.string()) out.emplace(name, *text);
    return out;
}

}  // namespace

Result<std::filesystem::path> remembered_path()
{
    const auto folder = procedure::calibration_folder();
    if (!folder) return folder.error();
    return folder.value().parent_path() / "window.json";
}

Result<Remembered> recall(const std::filesystem::path& path)
{
    const auto text = files::read_text(path, most_bytes);
    if (!text) return text.error();
    const auto json = files::parse_json(text.value());
    if (!json) return Error{path.string() + ": " + json.error().message};
    const auto& all = json.value();
    const auto* stated = all.find("schema");
    if (stated == nullptr || stated->string() != std::optional<std::string_view>{schema}) return Error{path.string() + " is of another version: it is not used, and replaced"};
    Remembered out;
    if (const auto* place = all.find("place"); place != nullptr) {
        const auto* bench = place->find("bench");
        const auto* name = place->find("name");
        if (bench != nullptr && bench->truth() && name != nullptr && name->string()) out.place = {*bench->truth(), std::string{*name->string()}};
    }
    out.settings = texts(all.find("settings"));
    out.window = texts(all.find("window"));
    return out;
}

Status remember(const std::filesystem::path& path, const Remembered& remembered)
{
    std::error_code failed;
    std::filesystem::create_directories(path.parent_path(), failed);
    if (failed) return Error{"the folder " + path.parent_path().string() + " cannot be made (" + failed.message() + "): what was chosen will not be remembered"};
    return files::write_text(path, Json::object({{"schema", schema},
                                                 {"place", Json::object({{"bench", remembered.place.is_bench}, {"name", remembered.place.name}})},
                                                 {"settings", texts(remembered.settings)},
                                                 {"window", texts(remembered.window)}})
                                           .text() +
                                       "\n");
}

}  // namespace lowleg::instrument
