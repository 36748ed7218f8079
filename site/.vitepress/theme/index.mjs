/* VitePress's own theme, in the book's type and colours, and the two pages that are alive. */
import {defineAsyncComponent} from 'vue';
import Theme from 'vitepress/theme-without-fonts';
import './style.css';
import './alive.css';

export default {
    extends: Theme,
    enhanceApp({app}) {
        app.component('Watch', defineAsyncComponent(() => import('./Watch.vue')));
        app.component('Machine', defineAsyncComponent(() => import('./Machine.vue')));
    },
};
