// What goes to the server and comes back: answers and files.

// An answer, whatever happens to it on the way.
export async function answered(promise) {
  const lost = { error: "The server did not answer. Is it still running?" };
  try {
    return (await promise) ?? lost;
  } catch {
    return lost;
  }
}

// Saves the file that an answer contains, and returns the answer, which may be an error instead.
export async function saveAnswer(promise) {
  const answer = await answered(promise);
  if (!answer.error) download(answer.file, answer.content);
  return answer;
}

export function download(name, base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // Safari reads it later
}

export async function asBase64(file) {
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
  return url.slice(url.indexOf(",") + 1);
}
