#include "ui/window.h"

#include <GLFW/glfw3.h>
#include <backends/imgui_impl_glfw.h>
#include <backends/imgui_impl_opengl3.h>
#include <imgui.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

namespace lowleg::ui {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double idle_wait_s = 1.0;    // the counters are looked at
constexpr int frames_after_input = 3;  // what appears because of an input may only be laid out in the next frame

/// Where systems keep the fonts that have all the signs that are used: Ω, µ, ±, −, ≥, →.
constexpr std::array font_folders{LOWLEG_FONT_FOLDER, "/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu-sans-fonts", "/usr/share/fonts/TTF", "/opt/homebrew/share/fonts", "/Library/Fonts"};

std::string find_font(const char* name)
{
    std::error_code ignored;
    for (const char* folder : font_folders)
        if (const auto path = std::filesystem::path{folder} / name; std::filesystem::exists(path, ignored)) return path.string();
    return {};
}

/// Latin, Greek, punctuation, super- and subscripts, arrows, mathematics, boxes, shapes, ticks.
constexpr std::array<ImWchar, 21> all_signs{0x20, 0xFF, 0x370, 0x3FF, 0x2010, 0x2027, 0x2030, 0x205E, 0x2070, 0x209C, 0x2190, 0x21FF, 0x2200, 0x226F, 0x2500, 0x257F, 0x25A0, 0x25CF, 0x2713, 0x2718, 0};
constexpr std::array<ImWchar, 11> signs_of_numbers{0x20, 0xFF, 0x3A9, 0x3A9, 0x2010, 0x2015, 0x2212, 0x2212, 0x2264, 0x2265, 0};

GLFWwindow* make_window(const WindowOptions& options)
{
    glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 3);
    glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 0);
    glfwWindowHint(GLFW_SCALE_TO_MONITOR, options.content_scale ? GLFW_FALSE : GLFW_TRUE);
    return glfwCreateWindow(options.width, options.height, "Lowleg", nullptr, nullptr);
}

std::string glfw_reason()
{
    const char* words = nullptr;
    (void)glfwGetError(&words);
    return words == nullptr ? "no reason was given" : words;
}

}  // namespace

struct Window::Impl {
    GLFWwindow* window{nullptr};
    Toolkit toolkit;
    std::optional<double> fixed_scale;
    double scale{0.0};            // that fonts were made for
    bool is_dark{true};
    bool has_imgui{false};
    int frames_due{frames_after_input};
    std::atomic<bool> has_news{false};
    std::atomic<bool> follows_news{true};
    Clock::time_point last_frame{};
    std::vector<int> struck;      // keys since the last frame; some are up again by now

    ~Impl()
    {
        if (has_imgui) {
            ImGui_ImplOpenGL3_Shutdown();
            ImGui_ImplGlfw_Shutdown();
            ImGui::DestroyContext();
        }
        if (window != nullptr) glfwDestroyWindow(window);
        glfwTerminate();
    }

    static Impl& of(GLFWwindow* window) { return *static_cast<Impl*>(glfwGetWindowUserPointer(window)); }

    /// Every event has something drawn. The backend of the widgets is called after these.
    void watch_events()
    {
        glfwSetWindowUserPointer(window, this);
        glfwSetKeyCallback(window, [](GLFWwindow* w, int key, int, int action, int) {
            of(w).frames_due = frames_after_input;
            if (action == GLFW_PRESS && key >= 0) of(w).struck.push_back(key);
        });
        glfwSetCharCallback(window, [](GLFWwindow* w, unsigned) { of(w).frames_due = frames_after_input; });
        glfwSetMouseButtonCallback(window, [](GLFWwindow* w, int, int, int) { of(w).frames_due = frames_after_input; });
        glfwSetScrollCallback(window, [](GLFWwindow* w, double, double) { of(w).frames_due = frames_after_input; });
        glfwSetCursorPosCallback(window, [](GLFWwindow* w, double, double) { of(w).frames_due = frames_after_input; });
        glfwSetFramebufferSizeCallback(window, [](GLFWwindow* w, int, int) { of(w).frames_due = frames_after_input; });
        glfwSetWindowRefreshCallback(window, [](GLFWwindow* w) { of(w).frames_due = frames_after_input; });
        glfwSetWindowFocusCallback(window, [](GLFWwindow* w, int) { of(w).frames_due = frames_after_input; });
    }

    [[nodiscard]] double monitor_scale() const
    {
        if (fixed_scale) return *fixed_scale;
        float x = 1.0F;
        float y = 1.0F;
        glfwGetWindowContentScale(window, &x, &y);
        int width = 0;
        int framebuffer = 0;
        glfwGetWindowSize(window, &width, nullptr);
        glfwGetFramebufferSize(window, &framebuffer, nullptr);
        // Where a window is counted in points its framebuffer makes it sharp.
        return framebuffer > width ? 1.0 : static_cast<double>(std::max(x, y));
    }

    void make_fonts(double wanted)
    {
        scale = wanted;
        auto& io = ImGui::GetIO();
        io.Fonts->Clear();
        const auto text = find_font("DejaVuSans.ttf");
        const auto bold = find_font("DejaVuSans-Bold.ttf");
        const auto mono = find_font("DejaVuSansMono.ttf");
        const auto size = [&](double at_one) { return std::floor(static_cast<float>(at_one * wanted)); };
        const auto load = [&](const std::string& path, double at_one, const ImWchar* signs) {
            ImFontConfig config;
            config.OversampleH = 2;
            config.OversampleV = 1;
            if (path.empty()) {
                config.SizePixels = size(at_one);
                return io.Fonts->AddFontDefault(&config);
            }
            return io.Fonts->AddFontFromFileTTF(path.c_str(), size(at_one), &config, signs);
        };
        Toolkit::Fonts fonts;
        fonts.text = load(text, 14.0, all_signs.data());
        fonts.bold = load(bold, 14.0, all_signs.data());
        fonts.heading = load(bold, 18.0, all_signs.data());
        fonts.big = load(bold, 32.0, signs_of_numbers.data());
        fonts.mono = load(mono, 12.0, all_signs.data());
        io.Fonts->Build();
        toolkit.set_fonts(fonts);
        ImGui_ImplOpenGL3_DestroyFontsTexture();
        ImGui_ImplOpenGL3_CreateFontsTexture();
    }

    /// Onto the side of the window that is not shown yet.
    void render() const
    {
        int width = 0;
        int height = 0;
        glfwGetFramebufferSize(window, &width, &height);
        glViewport(0, 0, width, height);
        const auto ground = ImGui::ColorConvertU32ToFloat4(toolkit.theme().panel);
        glClearColor(ground.x, ground.y, ground.z, 1.0F);
        glClear(GL_COLOR_BUFFER_BIT);
        ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
    }

    void follow_look(const Face& face)
    {
        const double wanted = monitor_scale() * face.user_scale();
        const bool is_new = std::abs(wanted - scale) > 0.01;
        if (is_new) make_fonts(wanted);
        if (is_new || is_dark != face.is_dark()) {
            is_dark = face.is_dark();
            toolkit.set_look(is_dark, static_cast<float>(wanted));
        }
    }
};

Window::Window(std::unique_ptr<Impl> impl) noexcept : impl_{std::move(impl)} {}
Window::~Window() = default;

Result<std::unique_ptr<Window>> Window::open(const WindowOptions& options)
{
    if (glfwInit() != GLFW_TRUE)
        return Error{"no window can be opened (" + glfw_reason() + "): run lowleg on a desktop, or use the command line, which does the same (lowleg --help)"};
    auto impl = std::make_unique<Impl>();
    impl->fixed_scale = options.content_scale;
    impl->window = make_window(options);
    if (impl->window == nullptr)
        return Error{"no window can be opened (" + glfw_reason() + "): a display with OpenGL 3.0 is needed; the command line does the same (lowleg --help)"};
    glfwSetWindowSizeLimits(impl->window, 1000, 600, GLFW_DONT_CARE, GLFW_DONT_CARE);
    impl->watch_events();
    glfwMakeContextCurrent(impl->window);
    glfwSwapInterval(0);  // frames are spaced by news, and must not wait for a display that is off
    IMGUI_CHECKVERSION();
    ImGui::CreateContext();
    impl->has_imgui = true;
    auto& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.LogFilename = nullptr;
    io.ConfigFlags |= ImGuiConfigFlags_NavEnableKeyboard;
    if (!ImGui_ImplGlfw_InitForOpenGL(impl->window, true) || !ImGui_ImplOpenGL3_Init("#version 130"))
        return Error{"the window cannot be drawn in (OpenGL 3.0 is needed): update the graphics driver, or use the command line (lowleg --help)"};
    // The first frame's fonts wait for the look that its face has.
    return std::unique_ptr<Window>{new Window{std::move(impl)}};
}

Toolkit& Window::toolkit() noexcept { return impl_->toolkit; }

void Window::draw(Face& face, const std::optional<Gesture>& gesture)
{
    auto& m = *impl_;
    m.follow_look(face);
    ImGui_ImplOpenGL3_NewFrame();
    ImGui_ImplGlfw_NewFrame();
    auto& io = ImGui::GetIO();
    // A key that went down and up between two frames was pressed all the same.
    const auto struck = std::exchange(m.struck, {});
    for (const int key : struck) io.KeysDown[key] = true;
    if (gesture) {
        io.MousePos = gesture->mouse ? ImVec2{gesture->mouse->x, gesture->mouse->y} : ImVec2{-1e6F, -1e6F};
        io.MouseDown[0] = gesture->is_down;
        io.MouseWheel = gesture->wheel;
        std::ranges::fill(io.KeysDown, false);
        for (const int key : gesture->keys) io.KeysDown[key] = true;
        io.KeyCtrl = gesture->is_ctrl;
        io.KeyShift = gesture->is_shift;
        io.KeyMods = (io.KeyCtrl ? ImGuiKeyModFlags_Ctrl : ImGuiKeyModFlags_None) | (io.KeyShift ? ImGuiKeyModFlags_Shift : ImGuiKeyModFlags_None);
        io.AddInputCharactersUTF8(gesture->text.c_str());
        io.DeltaTime = 1.0F / 60.0F;
    }
    ImGui::NewFrame();
    face.draw(io.DisplaySize.x, io.DisplaySize.y);
    ImGui::Render();
    m.render();
    glfwSwapBuffers(m.window);
    for (const int key : struck) io.KeysDown[key] = glfwGetKey(m.window, key) == GLFW_PRESS;
    m.last_frame = Clock::now();
}

bool Window::wait_and_draw(Face& face)
{
    auto& m = *impl_;
    m.follows_news.store(face.follows_news());
    const double since = std::chrono::duration<double>(Clock::now() - m.last_frame).count();
    const double least = face.least_interval();
    if (m.frames_due > 0) glfwPollEvents();
    else if (m.has_news.load() && since < least) glfwWaitEventsTimeout(least - since);
    else if (!m.has_news.load()) glfwWaitEventsTimeout(idle_wait_s);
    const auto now = Clock::now();
    const bool is_time = std::chrono::duration<double>(now - m.last_frame).count() >= least;
    const bool has_idled = std::chrono::duration<double>(now - m.last_frame).count() >= idle_wait_s;
    if (m.frames_due > 0 || (m.has_news.load() && is_time) || has_idled) {
        if (m.frames_due > 0) --m.frames_due;
        m.has_news.store(false);
        if (glfwGetWindowAttrib(m.window, GLFW_ICONIFIED) == GLFW_TRUE) m.last_frame = now;
        else draw(face);
    }
    return glfwWindowShouldClose(m.window) == GLFW_FALSE && !face.wants_quit();
}

void Window::wake() noexcept
{
    if (!impl_->follows_news.load() || impl_->has_news.exchange(true)) return;
    glfwPostEmptyEvent();
}

Window::Picture Window::picture() const
{
    Picture out;
    glfwGetFramebufferSize(impl_->window, &out.width, &out.height);
    const auto row = 3 * static_cast<std::size_t>(out.width);
    std::vector<std::uint8_t> upside_down(row * static_cast<std::size_t>(out.height));
    impl_->render();  // what is shown already cannot be read everywhere
    glPixelStorei(GL_PACK_ALIGNMENT, 1);
    glReadBuffer(GL_BACK);
    glReadPixels(0, 0, out.width, out.height, GL_RGB, GL_UNSIGNED_BYTE, upside_down.data());
    for (int y = out.height - 1; y >= 0; --y) {
        const auto begin = upside_down.begin() + static_cast<std::ptrdiff_t>(row) * y;
        out.rgb.insert(out.rgb.end(), begin, begin + static_cast<std::ptrdiff_t>(row));
    }
    return out;
}

Status Window::save_picture(const std::filesystem::path& path) const
{
    const auto shown = picture();
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(shown.width);
    image.height = static_cast<png_uint_32>(shown.height);
    image.format = PNG_FORMAT_RGB;
    if (png_image_write_to_file(&image, path.c_str(), 0, shown.rgb.data(), 0, nullptr) == 0)
        return Error{"the picture " + path.string() + " cannot be written (" + image.message + "): choose another folder"};
    return Done{};
}

std::array<int, 2> Window::size() const
{
    std::array<int, 2> out{};
    glfwGetWindowSize(impl_->window, &out[0], &out[1]);
    return out;
}

}  // namespace lowleg::ui
