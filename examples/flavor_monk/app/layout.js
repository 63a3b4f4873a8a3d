import "./style.css";

export const metadata = {
  title: "Flavor Monk",
  description: "Say what you have and what you like; a model on this server writes the recipe.",
  icons: { icon: "/icon.svg" },
};

export const viewport = { width: "device-width", initialScale: 1, colorScheme: "light dark" };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <header className="top">
          <a className="name" href="/">
            <img src="/icon.svg" alt="" width="32" height="32" />
            Flavor Monk
          </a>
        </header>
        <main>{children}</main>
      </body>
    </html>
  );
}
